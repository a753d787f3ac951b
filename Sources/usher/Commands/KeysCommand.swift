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
    static let scope = Option(
        "scope",
        .list("SCOPES"),
        help:
            "What the key is limited to: read, for looking only, and the on-sales that a promoter's is for, as in read,os_1"
    )
    static let grace = Option(
        "grace",
        .duration,
        initial: "24h",
        help: "How long the secret from before, and the sessions that were opened with it, stay good"
    )

    private static let id = Command.Operand(name: "ID", help: "The number that usher keys list shows")

    static let command = Command(
        "keys",
        "Add, list, rotate and revoke API keys",
        subcommands: [
            Command(
                "add",
                "Make a key and print it, once: only its fingerprint is kept",
                options: [role, label, scope] + Option.database
            ) { invocation in
                let arguments = invocation.arguments
                guard let role = arguments.text(role).flatMap(APIKeys.Role.init(rawValue:)) else {
                    throw UsageError(command: invocation.path, message: "\(role.usage) is missing")
                }
                let limits: KeyScope
                do {
                    limits = try KeyScope(words: arguments.list(scope), role: role)
                } catch {
                    throw UsageError(command: invocation.path, message: "--scope: \(error)")
                }
                let label = arguments.text(label) ?? ""
                try await withKeys(invocation) { keys in
                    print(try await keys.add(role: role, label: label, scope: limits))
                }
            },
            Command("list", "List the keys that are good", options: Option.database) { invocation in
                try await withKeys(invocation) { keys in
                    for holder in try await keys.list() {
                        let scope = holder.scope.words.joined(separator: ",")
                        let words = ["\(holder.id)", holder.role.rawValue, holder.label, scope]
                        print(words.filter { !$0.isEmpty }.joined(separator: " "))
                    }
                }
            },
            Command(
                "rotate",
                "Give a key a new secret and print it, once; the one before stays good for a while",
                options: [grace] + Option.database,
                operands: [id]
            ) { invocation in
                let id = try number(invocation)
                let grace = invocation.arguments.duration(grace) ?? .seconds(86_400)
                try await withKeys(invocation) { keys in
                    let seconds = Double(grace.components.seconds)
                    guard let secret = try await keys.rotate(id, grace: seconds) else {
                        throw Failure("there is no key \(id) that is good")
                    }
                    print(secret)
                }
            },
            Command(
                "revoke",
                "Take a key back, and end its sessions",
                options: Option.database,
                operands: [id]
            ) { invocation in
                let id = try number(invocation)
                try await withKeys(invocation) { keys in
                    guard try await keys.revoke(id) else {
                        throw Failure("there is no key \(id) that is good")
                    }
                    print("revoked", id)
                }
            },
        ]
    )

    private static func number(_ invocation: Invocation) throws -> Int64 {
        let given = invocation.arguments.operands[0]
        guard let id = Int64(given) else {
            throw UsageError(command: invocation.path, message: "ID is a number, not \"\(given)\"")
        }
        return id
    }

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
