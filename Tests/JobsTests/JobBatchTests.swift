import Jobs
import Postgres
import Testing
import TestSupport

/// Batches: a callback, once, when every job has ended.
@Suite(.timeLimit(.minutes(5)))
struct JobBatchTests {
    private let callback = NewJob(name: "report", queue: "reports", input: JSONB(text: #"{"to": "ada"}"#))

    private func callbacks(_ desk: PlainDesk) async throws -> [JobBatchReport] {
        try await desk.database.client.query(
            Query("t", "SELECT input FROM jobs WHERE name = 'report' ORDER BY id")
        ).map { try JSONCoding.decode(JobBatchReport.self, from: try $0[0], what: "a report") }
    }

    @Test func `The callback comes once, when every job has ended, with what became of them`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await desk.store.ensureQueue("reports")
            let batch = try await desk.store.openBatch("import", whenDone: callback)
            var late = NewJob(name: "x", input: JSONB(text: "1"))
            late.startBy = .now + .seconds(5)
            let plain = NewJob(name: "x", input: JSONB(text: "1"))
            _ = try await desk.store.enqueue([plain, plain, late].map { $0.in(batch) })
            try await database.client.withTransaction { tx in
                _ = try await desk.store.enqueue([plain, plain].map { $0.in(batch) }, in: &tx)
            }
            try await desk.shiftClock(30)
            let claimed = try await desk.claim()
            #expect(claimed.map(\.owesMore) == [true, true, true, true])
            try await desk.end([claimed[0]], .done(output: nil))
            try await desk.end([claimed[1]], .failed(failures: 1, error: "no"))
            try await desk.end([claimed[2]], .retry(after: .zero, failures: 1, error: "not yet"))
            try await desk.end([claimed[3]], .cancelled(reason: "enough"))
            _ = try await BatchFold.fold(desk.store)
            try await desk.store.seal(batch)
            _ = try await BatchFold.fold(desk.store)
            #expect(try await callbacks(desk) == [], "one of the jobs is still to be tried again")
            #expect(try await desk.store.report(on: batch)?.left == 1)

            _ = try await database.client.query(JobStatements.promoteDue(limit: 5))
            try await desk.end(try await desk.claim(), .done(output: JSONB(text: "2")))
            #expect(try await BatchFold.fold(desk.store).queues == ["reports"])
            _ = try await BatchFold.fold(desk.store)
            let told = try await callbacks(desk)
            #expect(told.map(\.name) == ["import"])
            #expect(
                told.map { [$0.added, $0.done, $0.failed, $0.cancelled, $0.expired] } == [[5, 2, 1, 1, 1]]
            )
            let report = try await desk.store.report(on: batch)
            #expect(report == told.first)
        }
    }

    @Test func `A redriven job counts again, and the callback waits for it or does not come twice`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await desk.store.ensureQueue("reports")
            let batch = try await desk.store.openBatch("redriven", whenDone: callback)
            let ids = try await desk.store.enqueue([NewJob(name: "x", input: JSONB(text: "1")).in(batch)])
            try await desk.end(try await desk.claim(), .failed(failures: 1, error: "no"))
            #expect(try await desk.store.redrive(ids[0]))
            try await desk.store.seal(batch)
            _ = try await BatchFold.fold(desk.store)
            #expect(try await callbacks(desk).isEmpty)
            try await desk.end(try await desk.claim(), .failed(failures: 1, error: "no"))
            _ = try await BatchFold.fold(desk.store)
            #expect(try await callbacks(desk).map(\.failed) == [1])
            #expect(try await desk.store.redrive(ids[0]))
            try await desk.end(try await desk.claim(), .done(output: nil))
            _ = try await BatchFold.fold(desk.store)
            let late = try await desk.store.report(on: batch)
            #expect([late?.failed, late?.done] == [0, 1])
            #expect(try await callbacks(desk).count == 1)
        }
    }

    @Test func `A sealed batch takes no more, and an empty one is done at once`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await desk.store.ensureQueue("reports")
            let batch = try await desk.store.openBatch("none", whenDone: callback)
            try await desk.store.seal(batch)
            try await desk.store.seal(batch)
            let error = await #expect(throws: JobsError.self) {
                _ = try await desk.store.enqueue([NewJob(name: "x", input: JSONB(text: "1")).in(batch)])
            }
            #expect(error?.code == .unknownBatch)
            _ = try await BatchFold.fold(desk.store)
            #expect(try await callbacks(desk).map(\.added) == [0])
            await #expect(throws: JobsError.self) { try await desk.store.seal(JobBatch(rawValue: 999)) }
        }
    }

    @Test func `Sealing waits for whoever is adding`() async throws {
        try await withDatabase { database in
            let desk = try await PlainDesk(database)
            try await desk.store.ensureQueue("reports")
            let batch = try await desk.store.openBatch("slow", whenDone: callback)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await database.client.withTransaction { tx in
                    _ = try await desk.store.enqueue(
                        [NewJob(name: "x", input: JSONB(text: "1")).in(batch)],
                        in: &tx
                    )
                    group.addTask { try await desk.store.seal(batch) }
                    try await desk.untilSomeoneWaits()
                }
                try await group.waitForAll()
            }
            _ = try await BatchFold.fold(desk.store)
            #expect(try await callbacks(desk).isEmpty)
            try await desk.end(try await desk.claim(), .done(output: nil))
            _ = try await BatchFold.fold(desk.store)
            #expect(try await callbacks(desk).map(\.done) == [1])
        }
    }

    @Test func `Rival folds, small ones, fire once and never early`() async throws {
        try await withDatabase(pool: .init(maximum: 6)) { database in
            let desk = try await PlainDesk(database)
            try await desk.store.ensureQueue("reports")
            let batch = try await desk.store.openBatch("many", whenDone: callback)
            let job = NewJob(name: "x", input: JSONB(text: "1")).in(batch)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        while try await callbacks(desk).isEmpty {
                            _ = try await BatchFold.fold(desk.store, limit: 2)
                        }
                    }
                }
                group.addTask {
                    var ended = 0
                    while ended < 60 {
                        let jobs = try await desk.claim(3)
                        try await desk.end(jobs, .done(output: nil))
                        ended += jobs.count
                    }
                }
                for _ in 0..<30 { _ = try await desk.store.enqueue([job, job]) }
                try await desk.store.seal(batch)
                try await group.waitForAll()
            }
            while try await BatchFold.fold(desk.store).tallies > 0 {}
            #expect(try await callbacks(desk).map { [$0.added, $0.done] } == [[60, 60]])
        }
    }
}
