import Foundation
import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import Worker
import Workflows

/// A worker with a scheduler in one process: all it takes to run a workflow.
///
/// `SignupExample` works until it is stopped; `SignupExample start ada@example.org` starts a run, and
/// `SignupExample confirm 1 secret` sends it the event that it waits for.
@main enum SignupWorker {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        var configuration = try PostgresConfiguration(
            url: environment["USHER_DATABASE_URL"] ?? "postgresql:///"
        )
        let schema = environment["USHER_SCHEMA"] ?? "signup"
        configuration.schema = schema
        let postgres = PostgresClient(configuration, loops: try EventLoopGroup(count: 1))
        try await Migrator(postgres, schema: schema).migrate()
        try await postgres.execute(
            Query(
                "members_create",
                "CREATE TABLE IF NOT EXISTS members (email text, code text, confirmations int NOT NULL DEFAULT 0)"
            )
        )

        let client = WorkflowClient(postgres: postgres)
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "start", let email = arguments.dropFirst().first {
            print("run \(try await client.start(Signup.self, email))")
            return
        }
        if arguments.first == "confirm", let run = arguments.dropFirst().first.flatMap({ Int64($0) }) {
            print(try await client.send(Signup.confirmed, arguments.last ?? "", to: JobID(rawValue: run)))
            return
        }

        var registry = WorkflowRegistry()
        registry.register(
            Signup { to, text, key in
                FileHandle.standardOutput.write(Data("mail to \(to): \(text) [\(key)]\n".utf8))
            }
        )
        let logger = Logger(label: "signup")
        let worker = JobWorker(
            postgres: postgres,
            registry: registry,
            configuration: WorkerConfiguration(queues: ["default"]),
            logger: logger
        )
        let scheduler = JobScheduler(
            postgres: postgres,
            name: "signup-\(ProcessInfo.processInfo.processIdentifier)",
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            group.addTask { await scheduler.run() }
            try await group.waitForAll()
        }
    }
}
