import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import BoxOffice
@testable import ProofActor

/// Every commit of a sale, and a process that dies there by SIGKILL.
///
/// A worker, a scheduler or a gateway stands at a commit, or has made it and not heard; then it is killed, and others go
/// on. Whatever that was, it ends as it would have, with each ticket and each cent where it belongs.
/// `USHER_MATRIX_ROUNDS` and `USHER_MATRIX_SEED` ask for more of it and for the same again.
@Suite(.timeLimit(.minutes(60)))
struct SaleKillTests {
    /// Stories at a time; most of the time they wait for leases to end.
    private static let atOnce = 10
    private static let schema = "proof"
    private static let template = "sale_template"

    /// One story, and what is struck in it.
    private struct Cell: Sendable {
        let story: SaleStory
        let strike: SaleKillStage.Strike
        var name: String { "\(strike.position) \(strike.commit), \(story)" }
    }

    /// Where a buyer stands who is about to hold.
    private struct Counter: Sendable {
        let onSale: OnSaleID
        let admission: AdmissionID
    }

    private struct Sound: Sendable {
        var ending: SaleKillStage.Ending
        var checkpoints: [SaleCommit]
    }

    @Test func `Whichever process dies at whichever commit of a sale, it ends as it would have`() async throws
    {
        let first = testSetting("USHER_MATRIX_SEED") ?? .random(in: 1...999_999)
        let settings = [
            "max_connections = 400", "client_connection_check_interval = 50", "shared_buffers = '64MB'",
        ]
        try await TestCluster.with(settings: settings) { cluster in
            let counter = try await Self.prepare(cluster)
            var sound: [SaleStory: Sound] = [:]
            var cells: [Cell] = []
            var seen: Set<SaleCommit> = []
            for (story, played) in try await Self.rehearse(cluster, counter) {
                #expect(played.ending.state == story.ending, "\(story)")
                sound[story] = played
                for commit in played.checkpoints + SaleCommit.others(of: story)
                where seen.insert(commit).inserted {
                    cells += SaleKillStage.Position.allCases.map {
                        Cell(story: story, strike: .init(commit: commit, position: $0))
                    }
                }
            }
            let steps = seen.map(\.description)
            for step in Self.expected {
                #expect(steps.contains(step), "no commit \"\(step)\" in \(steps.sorted())")
            }
            for round in 0..<(testSetting("USHER_MATRIX_ROUNDS") ?? 1) {
                let seed = first + round
                var dice = TestDice(seed: seed)
                let start = MonotonicTime.now
                let told = await Self.play(cells.shuffled(using: &dice), sound, cluster, counter)
                for line in told.sorted() { print("sale kills seed \(seed): \(line)") }
                let took = Int((MonotonicTime.now - start).seconds)
                print("sale kills seed \(seed): \(told.count) of \(cells.count) kept the promises, \(took) s")
                #expect(told.count == cells.count, "seed \(seed)")
            }
        }
    }

    /// Commits that are never left out.
    private static let expected = [
        "reservation hold", "reservation wait", "reservation authorise", "reservation confirm",
        "reservation capture", "reservation settle", "reservation expire", "void_payment void",
        "refund refund",
        "refund refunded", "notify deliver",
    ]

    /// An on-sale with one buyer who is inside, for all to be copies of.
    private static func prepare(_ cluster: TestCluster) async throws -> Counter {
        try await cluster.makeTemplate(template, schema: schema)
        let postgres = try cluster.client(template, schema: schema)
        let now = try await postgres.query(Query("test.now", "SELECT usher_now()"))
        let fields = ["session_seconds": "3600", "turn_seconds": "600"]
        let store = JobStore(postgres: postgres)
        for queue in ["default"] + ProofOffice.queues { try await store.ensureQueue(queue, lanes: 1) }
        let opening = try now[0][0] as PostgresTimestamp + .seconds(3_600)
        let record = try await OnSales(postgres: postgres)
            .schedule(json: RoomFixture.plan(opening: opening, fields), by: "test")
        let room = RoomFixture(postgres: postgres, onSale: record.id)
        try await room.open()
        let places = try await room.join(["ada"])
        try await room.start()
        try await room.tick()
        let session = try #require(try await room.enter(places[0]).session)
        try await postgres.simple("\(BookedProvider.books) \(BookedMailbox.books) \(SaleCommit.helper)")
        await postgres.shutdown()
        return Counter(onSale: record.id, admission: session.id)
    }

    /// Plays each story while nobody dies.
    private static func rehearse(
        _ cluster: TestCluster,
        _ counter: Counter
    ) async throws -> [(SaleStory, Sound)] {
        try await withThrowingTaskGroup(of: (SaleStory, Sound).self) { group in
            for story in SaleStory.allCases {
                group.addTask {
                    try await withStage(story, nil, cluster, counter) { stage in
                        let ending = try await stage.play()
                        return (story, Sound(ending: ending, checkpoints: try await stage.checkpoints()))
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0.rawValue < $1.0.rawValue }
        }
    }

    private static func play(
        _ cells: [Cell],
        _ sound: [SaleStory: Sound],
        _ cluster: TestCluster,
        _ counter: Counter
    ) async -> [String] {
        await withTaskGroup(of: String?.self) { group in
            var told: [String] = []
            for (index, cell) in cells.enumerated() {
                if index >= atOnce, let line = await group.next() ?? nil { told.append(line) }
                group.addTask { await play(cell, sound[cell.story]?.ending, cluster, counter) }
            }
            for await line in group { if let line { told.append(line) } }
            return told
        }
    }

    private static func play(
        _ cell: Cell,
        _ sound: SaleKillStage.Ending?,
        _ cluster: TestCluster,
        _ counter: Counter
    ) async -> String? {
        let start = MonotonicTime.now
        do {
            let ending = try await withStage(cell.story, cell.strike, cluster, counter) {
                try await $0.play()
            }
            guard ending == sound else {
                Issue.record("\(cell.name): it ended in \(ending), and would have in \(sound as Any)")
                return nil
            }
            return "\(cell.name): \(Int((MonotonicTime.now - start).milliseconds)) ms"
        } catch {
            Issue.record("\(cell.name): \(error)")
            return nil
        }
    }

    private static func withStage<Value: Sendable>(
        _ story: SaleStory,
        _ strike: SaleKillStage.Strike?,
        _ cluster: TestCluster,
        _ counter: Counter,
        _ body: (SaleKillStage) async throws -> Value
    ) async throws -> Value {
        let copy = "sale_" + String(UInt64.random(in: .min ... .max), radix: 36)
        return try await cluster.withCopy(copy, of: template, schema: schema, pool: .init(maximum: 12)) {
            database in
            try await body(
                SaleKillStage(story, strike, database, onSale: counter.onSale, admission: counter.admission)
            )
        }
    }
}
