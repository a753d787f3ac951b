internal import BoxOffice

/// `usher keys`: who may call the promoter's and the operator's API.
enum KeysCommand {
    static let role = Option("role", .choice(["promoter", "operator"]), help: "What the key allows")
    static let label = Option(
        "label",
        .text("TEXT"),
        initial: "cli",
        help: "Who it is for, as the audit names them"
    )

    static let command = Command(
        "keys",
        "Add, list and revoke API keys",
        subcommands: [
            Command(
                "add",
                "Make a key and print it, once: only its fingerprint is kept",
                options: [role, label] + Option.database
            ) { invocation in
                guard let role = invocation.arguments.text(role).flatMap(APIKeys.Role.init(rawValue:)) else {
                    throw UsageError(command: invocation.path, message: "\(role.usage) is missing")
                }
                let label = invocation.arguments.text(label) ?? ""
                try await withKeys(invocation) { keys in print(try await keys.add(role: role, label: label)) }
            },
            Command("list", "List the keys that are good", options: Option.database) { invocation in
                try await withKeys(invocation) { keys in
                    for holder in try await keys.list() {
                        print(holder.id, holder.role.rawValue, holder.label)
                    }
                }
            },
            Command(
                "revoke",
                "Take a key back",
                options: Option.database,
                operands: [.init(name: "ID", help: "The number that usher keys list shows")]
            ) { invocation in
                let given = invocation.arguments.operands[0]
                guard let id = Int64(given) else {
                    throw UsageError(command: invocation.path, message: "ID is a number, not \"\(given)\"")
                }
                try await withKeys(invocation) { keys in
                    guard try await keys.revoke(id) else {
                        throw Failure("there is no key \(id) that is good")
                    }
                    print("revoked", id)
                }
            },
        ]
    )

    private static func withKeys(
        _ invocation: Invocation,
        _ body: (APIKeys) async throws -> Void
    ) async throws {
        let place = try await Workplace.open(invocation, connections: 1)
        try await place.checkSchema()
        try await body(APIKeys(postgres: place.postgres))
        await place.close()
    }
}
