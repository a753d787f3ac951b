import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import EventLog

/// A sink that keeps what it is told, and stops or fails when a test wants it to.
final class KeepingSink: FactSink {
    struct Refused: Error {}

    private struct State {
        var facts: [Fact] = []
        var isShut = false
        var refusesAt: Int?
        var waiting: [(isMet: @Sendable ([Fact]) -> Bool, CheckedContinuation<Void, Never>)] = []
        var shut: [CheckedContinuation<Void, Never>] = []
        var arrivals = 0
        var isClosed = false
    }

    private let state = Lock(State())

    /// All it was told, in order.
    var facts: [Fact] { state.withLock { $0.facts } }
    var seqs: [Int64] { facts.map(\.seq) }
    /// How often somebody came, also to a shut door.
    var arrivals: Int { state.withLock { $0.arrivals } }

    func tell(_ facts: [Fact]) async throws {
        let isShut = state.withLock { state in
            state.arrivals += 1
            return state.isShut
        }
        if isShut {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isOpen = state.withLock { state in
                        guard state.isShut, !Task.isCancelled else { return true }
                        state.shut.append(continuation)
                        return false
                    }
                    if isOpen { continuation.resume() }
                }
            } onCancel: {
                letIn()
            }
            try Task.checkCancellation()
        }
        let (met, isRefused) = state.withLock { state -> ([CheckedContinuation<Void, Never>], Bool) in
            if let place = state.refusesAt, state.facts.count + facts.count > place { return ([], true) }
            state.facts += facts
            let met = state.waiting.filter { $0.isMet(state.facts) }.map(\.1)
            state.waiting.removeAll { $0.isMet(state.facts) }
            return (met, false)
        }
        if isRefused { throw Refused() }
        met.forEach { $0.resume() }
    }

    /// Nobody is let in any more.
    func shut() { state.withLock { $0.isShut = true } }

    func open() {
        state.withLock { $0.isShut = false }
        letIn()
    }

    /// It fails when it has been told so much.
    func refuse(at count: Int?) { state.withLock { $0.refusesAt = count } }

    /// Nothing will come any more: whoever waits goes on.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting.map(\.1)
        }
        waiting.forEach { $0.resume() }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// The opposite of ``close()``, for what is begun after it.
    func reopen() { state.withLock { $0.isClosed = false } }

    func forget() { state.withLock { $0.facts = [] } }

    /// Waits until what it was told is as wanted.
    func wait(until isMet: @escaping @Sendable ([Fact]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if isMet(state.facts) || state.isClosed { return true }
                state.waiting.append((isMet, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func letIn() {
        let shut = state.withLock { state in
            defer { state.shut = [] }
            return state.shut
        }
        shut.forEach { $0.resume() }
    }
}

/// A server of a test's own with a log of facts that is captured.
struct CaptureDesk: Sendable {
    static let schema = "sale"
    static let database = "facts"

    let cluster: TestCluster
    let client: PostgresClient
    let sink = KeepingSink()
    /// Rung when a capture has reported, or is over.
    let bell = Bell()

    static func with(
        settings: [String] = [],
        wal level: String = "logical",
        _ body: (CaptureDesk) async throws -> Void
    ) async throws {
        try await TestCluster.with(settings: ["wal_level = '\(level)'"] + settings) { cluster in
            try await cluster.makeTemplate(database, schema: schema)
            let desk = CaptureDesk(
                cluster: cluster,
                client: try cluster.client(database, schema: schema, pool: .init(maximum: 6))
            )
            try await body(desk)
            await desk.client.shutdown()
        }
    }

    func capture(_ change: (inout FactCapture.Settings) -> Void = { _ in }) -> FactCapture {
        var settings = FactCapture.Settings(name: "test")
        settings.whenReported = { [bell] in bell.ring() }
        change(&settings)
        return FactCapture(postgres: client, schema: Self.schema, settings: settings, sink: sink)
    }

    /// Runs `body` beside a capture, which has to go on until then.
    func capturing(
        _ capture: FactCapture? = nil,
        resyncs: Bool = false,
        _ body: (FactCapture) async throws -> Void
    ) async throws {
        let capture = capture ?? self.capture()
        sink.reopen()
        let running = Task {
            do {
                try await capture.run(resyncs: resyncs)
            } catch {
                if !(error is CancellationError) { Issue.record("the capture ended: \(error)") }
                // Nobody need wait for more.
                sink.close()
                bell.ring()
                throw error
            }
        }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(capture))
        } catch {
            outcome = .failure(error)
        }
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        try outcome.get()
    }

    /// Writes facts in one transaction.
    func write(_ count: Int, of onSale: Int64 = 1) async throws {
        try await client.execute(
            Query(
                "test.facts",
                """
                INSERT INTO facts (on_sale_id, recorded_at, version, kind, data)
                SELECT \(onSale), usher_now(), 1, 'test.counted', jsonb_build_object('n', n, 'ö', NULL)
                FROM generate_series(1, \(count)) AS n
                """
            )
        )
    }

    /// All that the log has.
    func table() async throws -> [Int64] {
        try await client.query(Query("test.table", "SELECT seq FROM facts ORDER BY seq")).map { try $0[0] }
    }

    var position: Int64? {
        get async throws { try await CaptureCursor.find("test", in: client) }
    }

    /// Waits until the server has heard that all was told, and the position says so too: what is begun then is told nothing
    /// again.
    func settled(_ capture: FactCapture) async throws {
        try await bell.wait {
            if sink.isClosed { return true }
            return try await isSettled(capture)
        }
    }

    private func isSettled(_ capture: FactCapture) async throws -> Bool {
        guard try await capture.slot.state()?.behind == 0 else { return false }
        return try await position ?? -1 >= table().last ?? -1
    }

    /// Waits until nobody reads from the slot; of that the server tells nobody, so it is asked.
    func unread(_ capture: FactCapture) async throws {
        while try await capture.slot.state()?.reader != nil {
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
