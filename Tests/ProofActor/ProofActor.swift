import BoxOffice
import Glibc
import Jobs
import Postgres
import Reactor
import Scheduler
import Telemetry
import Worker
import Workflows

/// A worker, a scheduler or a sender of events in a process of its own, for tests to do their worst to.
///
/// `ProofActor worker`, `ProofActor scheduler` or `ProofActor sender 1` for the run of that number; `ProofActor office` is a
/// worker of the box office, and `ProofActor buyer hold 1 2` acts for the session 2 of the on-sale 1, on the reservation and
/// with the payment method that may follow. SIGTERM stops it in order. `USHER_DATABASE_URL` and `USHER_SCHEMA` say where.
@main enum ProofActor {
    /// What its sessions are known by.
    static let sessions = "proof actor"

    static func main() {
        Signals.block([SIGTERM])
        let stop = WakeUp()
        Task.detached {
            do {
                try await act(Array(CommandLine.arguments.dropFirst()), until: stop)
                exit(0)
            } catch {
                print("\(error)")
                exit(1)
            }
        }
        _ = Signals.wait(for: [SIGTERM])
        stop.raise()
        // What does not end in order is killed by the test.
        while true { _ = Signals.wait(for: [SIGTERM]) }
    }

    private static func act(_ words: [String], until stop: WakeUp) async throws {
        let postgres = try client()
        let logger = Logger(label: "actor", level: .warning)
        switch words.first {
        case "worker":
            let worker = worker(on: postgres, outside: try client(), logger: logger)
            stop.onRaise { worker.stop() }
            try await worker.run()
        case "office":
            let worker = ProofOffice.worker(on: postgres, outside: try client(), logger: logger)
            stop.onRaise { worker.stop() }
            try await worker.run()
        case "buyer": try await buy(words, postgres, logger)
        case "scheduler":
            let scheduler = scheduler(on: postgres, name: "actor \(getpid())", logger: logger)
            stop.onRaise { scheduler.stop() }
            await scheduler.run()
        case "sender":
            let run = JobID(rawValue: words.last.flatMap(Int64.init) ?? 0)
            while true {
                do {
                    print(try await WorkflowClient(postgres: postgres).send(Errand.poke, "now", to: run))
                    return
                } catch let error as PostgresError {
                    logger.warning("sending failed", ["error": "\(error)"])
                    // The server may be away, and nobody else could tell when it is back.
                    try await Task.sleep(for: .milliseconds(50))
                }
            }
        default:
            print("worker, office, scheduler, sender or buyer, not \(words)")
            exit(2)
        }
    }

    private static func buy(_ words: [String], _ postgres: PostgresClient, _ logger: Logger) async throws {
        func number(_ index: Int) -> Int64 { words.count > index ? Int64(words[index]) ?? 0 : 0 }
        let buyer = ProofBuyer(
            postgres,
            OnSaleID(rawValue: number(2)),
            AdmissionID(rawValue: number(3)),
            logger: logger
        )
        guard let act = ProofBuyer.Act(rawValue: words[1]) else { exit(2) }
        guard act == .hold else {
            return try await buyer.act(act, ReservationID(rawValue: number(4)), method: words.last ?? "")
        }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await buyer.starter.run() }
            defer { buyer.starter.close() }
            print(try await buyer.hold().publicID)
        }
    }

    private static func client() throws -> PostgresClient {
        func value(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
        var configuration = try PostgresConfiguration(url: value("USHER_DATABASE_URL") ?? "postgresql:///")
        configuration.schema = value("USHER_SCHEMA")
        configuration.applicationName = sessions
        return PostgresClient(configuration, loops: try EventLoopGroup(count: 1), pool: .init(maximum: 5))
    }

    /// A worker as the tests run them, in this process or in theirs.
    static func worker(on postgres: PostgresClient, outside: PostgresClient, logger: Logger) -> JobWorker {
        var registry = WorkflowRegistry()
        registry.register(Errand(outside: outside))
        registry.register(SubErrand())
        return JobWorker(
            postgres: postgres,
            registry: registry,
            configuration: configuration(of: ["default"]),
            logger: logger
        )
    }

    /// Workers whose deaths are soon noticed.
    static func configuration(of queues: [String]) -> WorkerConfiguration {
        WorkerConfiguration(
            queues: queues,
            capacity: 8,
            pollInterval: .milliseconds(50),
            heartbeatInterval: .milliseconds(200),
            drainDeadline: .seconds(5)
        )
    }

    /// A scheduler whose leases are short.
    static func scheduler(on postgres: PostgresClient, name: String, logger: Logger) -> JobScheduler {
        JobScheduler(
            postgres: postgres,
            name: name,
            configuration: SchedulerConfiguration(
                promoteInterval: .milliseconds(20),
                workerLease: .seconds(1),
                leaderLease: .seconds(1)
            ),
            logger: logger
        )
    }
}

/// Runs what is to be done when somebody asks this process to stop, even if that was before it was known.
final class WakeUp: Sendable {
    private struct State {
        var isRaised = false
        var action: (@Sendable () -> Void)?
    }

    private let state = Lock(State())

    func onRaise(_ action: @escaping @Sendable () -> Void) {
        let now = state.withLock { state in
            state.action = action
            return state.isRaised
        }
        if now { action() }
    }

    func raise() {
        let action = state.withLock { state in
            state.isRaised = true
            return state.action
        }
        action?()
    }
}
