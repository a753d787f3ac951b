internal import Jobs
internal import Migrations
internal import Postgres

/// `usher migrate`: brings the schema to the version this program knows, or shows how it stands.
enum MigrateCommand {
    static let status = Option("status", .flag, help: "Only show which migrations are applied")

    static let command = Command(
        "migrate",
        "Create the schema, or bring it up to date",
        discussion:
            "Any number may run at a time: each migration is a transaction, which one of them applies while the others wait.",
        options: [status] + Option.database
    ) { invocation in
        let place = try await Workplace.open(invocation, connections: 2)
        let migrator = Migrator(place.postgres, schema: place.schema)
        if invocation.arguments.flag(status) {
            for migration in try await migrator.status() {
                print(label(migration), describe(migration.state))
            }
        } else {
            let applied = try await migrator.migrate()
            for migration in applied { print("applied", label(migration.number, migration.name)) }
            if applied.isEmpty { print("the schema \(place.schema) is up to date") }
        }
        await place.close()
    }

    static func label(_ migration: Migrator.Status) -> String { label(migration.number, migration.name) }

    private static func label(_ number: Int, _ name: String) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name
    }

    private static func describe(_ state: Migrator.State) -> String {
        switch state {
        case .pending: "pending"
        case .applied(let at): "applied \(at)"
        case .edited(let at): "applied \(at), edited since"
        case .unknown(let at): "applied \(at) by a newer program"
        }
    }
}
