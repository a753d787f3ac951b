import Jobs
import Postgres
import Reactor
import Testing
import TestSupport
import Workflows

/// Code that works in the transaction which ends its jobs.
@Suite(.timeLimit(.minutes(5)))
struct BatchJobTests {
    private struct Refused: Error {}

    /// Notes its numbers; a batch with 13 in it does not commit.
    private final class Note: BatchJob {
        static let name = "note"
        static let retry = RetryPolicy.never
        let sizes = Lock<[Int]>([])

        func perform(_ batch: [BatchItem<Int>], in tx: inout Transaction) async throws -> [BatchOutcome] {
            sizes.withLock { $0.append(batch.count) }
            try await tx.execute(
                Query("t", "INSERT INTO notes SELECT * FROM unnest(\(batch.map { Int64($0.input) }))")
            )
            if batch.contains(where: { $0.input == 13 }) { throw Refused() }
            return batch.map { item in
                switch item.input {
                case 7: .failed(JobVerdict.discard("seven"))
                case 8: .output(JSONB(text: "88"))
                default: .done
                }
            }
        }
    }

    @Test func `A bad job comes down to a batch of its own, and its neighbours' effects happen once`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            try await database.create("CREATE TABLE notes (n bigint PRIMARY KEY)")
            let note = Note()
            var registry = WorkflowRegistry()
            registry.register(note)
            let ids = try await desk.store.enqueue(try (0..<16).map { try NewJob(Note.self, $0) })
            try await withWorker(database, registry) { _ async throws in
                for id in ids { _ = try await database.ended(id) }
            }
            #expect(note.sizes.withLock { $0.max() } == 16)
            #expect(try await database.count("notes") == 15)
            for (number, id) in ids.enumerated() {
                #expect(try await desk.state(id) == ([7, 13].contains(number) ? .failed : .done))
            }
            #expect(try await desk.store.job(ids[8])?.output?.text == "88")
            #expect(try await desk.kind(ids[7]) == .discarded)
            #expect(try await desk.kind(ids[13]) == .failed)
            #expect(try await database.count("claims") == 0)
        }
    }

    /// Moves money; 13 is refused.
    private struct Pay: TransactionalJob {
        static let name = "pay"
        static let retry = RetryPolicy.never

        func perform(_ context: JobContext, _ amount: Int, in tx: inout Transaction) async throws -> Int {
            try await tx.execute(Query("t", "INSERT INTO notes VALUES (\(Int64(amount)))"))
            if amount == 13 { throw Refused() }
            return amount * 2
        }
    }

    @Test func `A transactional job's effect and its end are one`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            try await database.create("CREATE TABLE notes (n bigint PRIMARY KEY)")
            var registry = WorkflowRegistry()
            registry.register(Pay())
            let ids = try await desk.store.enqueue(try [1, 13, 2, 2, 3].map { try NewJob(Pay.self, $0) })
            let ended = try await withWorker(database, registry) { _ async throws in
                var ended: [JobRecord] = []
                for id in ids { ended.append(try await database.ended(id)) }
                return ended
            }
            #expect(ended.map(\.state) == [.done, .failed, .done, .failed, .done])
            #expect(ended.map { $0.output?.text } == ["2", nil, "4", nil, "6"])
            #expect(ended[3].error?.contains("notes_pkey") == true)
            #expect(try await database.count("notes") == 3)
        }
    }

    /// Finds its claim taken away by the time it writes.
    private struct Robbed: BatchJob {
        static let name = "robbed"
        func perform(_ batch: [BatchItem<Int>], in tx: inout Transaction) async throws -> [BatchOutcome] {
            try await tx.execute(Query("t", "INSERT INTO notes VALUES (1)"))
            return batch.map { _ in .done }
        }
    }

    @Test func `A batch whose claim was taken away has no effect`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            try await database.create("CREATE TABLE notes (n bigint PRIMARY KEY)")
            let ids = try await desk.store.enqueue(try (0..<2).map { try NewJob(Robbed.self, $0) })
            var registry = WorkflowRegistry()
            registry.register(Robbed())
            let zombie = try await desk.claim(worker: 77)
            _ = try await database.client.query(WorkerStatements.rescueOrphans(limit: 10, maxFailures: 9))
            let tester = HeldBatch(database: database, registry: registry)
            try await tester.perform(zombie)
            #expect(try await database.count("notes") == 0)
            for id in ids { #expect(try await desk.state(id) == .ready) }
            try await tester.perform(try await desk.claim())
            #expect(try await database.count("notes") == 1)
            for id in ids { #expect(try await desk.state(id) == .done) }
        }
    }
}
