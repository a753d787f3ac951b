import HTTP
import Jobs
import Postgres
import Synchronization
import TestSupport
import Testing
import Workflows

@testable import HTTPGateway

/// Whether the van starts, for those who send parcels in tests.
final class Van: Sendable {
    private let works = Atomic(false)

    var isReady: Bool {
        get { works.load(ordering: .relaxed) }
        set { works.store(newValue, ordering: .relaxed) }
    }
}

/// A run with a step, a child, a wait where it is asked for, and an end that depends on the van.
struct Delivery: Workflow {
    static let name = "delivery"
    static let queue = "parcels"
    static let retry = RetryPolicy.never
    static let go = EventKey<String>("go")

    struct Parcel: Codable, Sendable {
        var number: Int
        var waits = false
    }

    let van: Van

    func run(_ context: WorkflowContext, _ parcel: Parcel) async throws -> String {
        try context.tag("parcel", parcel.number)
        try await context.step("weigh") { tx in
            _ = try await tx.query(Query("test.weigh", "SELECT 1"))
        }
        _ = try await context.child(Wrapping.self, parcel.number)
        if parcel.waits { _ = try await context.first(on(Self.go) { $0 }) }
        // A step may not look outside.
        guard van.isReady else { throw VanTrouble() }
        return "delivered \(parcel.number)"
    }
}

struct Wrapping: Workflow {
    static let name = "wrapping"
    static let queue = "parcels"

    func run(_ context: WorkflowContext, _ number: Int) async throws -> Int { number }
}

struct VanTrouble: Error, CustomStringConvertible {
    let description = "the van does not start"
}

/// A plain job that fails for good as long as the van does not start.
struct Stamp: Job {
    static let name = "stamp"
    static let queue = "parcels"
    static let retry = RetryPolicy.never

    let van: Van

    func perform(_ context: JobContext, _ input: Int) async throws {
        guard van.isReady else { throw VanTrouble() }
    }
}

/// Runs `body` with a gateway whose workers also deliver parcels.
func withParcels(
    register: (inout WorkflowRegistry) -> Void = { _ in },
    _ body: (GatewayAtWork, Van) async throws -> Void
) async throws {
    let van = Van()
    try await withGateway(register: { registry in
        register(&registry)
        registry.register(Delivery(van: van))
        registry.register(Wrapping())
        registry.register(Stamp(van: van))
    }) { house in
        try await body(house, van)
    }
}

extension GatewayAtWork {
    var workflows: WorkflowClient { WorkflowClient(postgres: database.client) }

    /// Starts a delivery.
    func deliver(_ number: Int, waits: Bool = false) async throws -> JobID {
        try await workflows.start(Delivery.self, Delivery.Parcel(number: number, waits: waits))
    }

    /// Asks as an operator.
    func operate(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws -> Answer {
        try await send(method, "/v1/operator/\(path)", body, token: operatorKey)
    }

    /// Asks as an operator again and again; the suite has the limit.
    func operate(_ path: String, until isReached: (Answer) -> Bool) async throws -> Answer {
        try await poll("/v1/operator/\(path)", token: operatorKey, until: isReached)
    }

    /// Waits until a run stands somewhere.
    @discardableResult
    func wait(for run: JobID, _ state: String) async throws -> Answer {
        try await operate("runs/\(run)") { $0["run"]?["state"]?.string == state }
    }

    /// What operators did, the latest last.
    func actions() async throws -> [String] {
        let answer = try await operate(.get, "actions")
        return (answer["actions"]?.array ?? []).reversed().compactMap { $0["action"]?.string }
    }
}
