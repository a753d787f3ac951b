import Postgres
import Reactor
import TestSupport
import Testing

@testable import EventLog

/// Facts from the log of a real server.
@Suite("Change capture", .timeLimit(.minutes(5)))
struct FactCaptureTests {
    @Test func `facts come whole and in the order of the log, whatever order they were committed in`()
        async throws
    {
        try await CaptureDesk.with { desk in
            // What was written before anybody captured.
            try await desk.write(3)
            try await desk.capturing { capture in
                let (sink, client) = (desk.sink, desk.client)
                await sink.wait { $0.count == 3 }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in 0..<4 {
                        group.addTask {
                            var dice = TestDice(seed: UInt64(writer))
                            for _ in 0..<40 {
                                do {
                                    try await client.withTransaction { transaction in
                                        for number in 0...Int.random(in: 0...2, using: &dice) {
                                            try await transaction.pipeline(
                                                FactDraft.append([
                                                    FactLogTests.draft(Int64(writer), number)
                                                ])
                                            )
                                        }
                                        if Int.random(in: 0..<5, using: &dice) == 0 {
                                            throw KeepingSink.Refused()
                                        }
                                    }
                                } catch is KeepingSink.Refused {}
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let table = try await desk.table()
                await sink.wait { $0.count >= table.count }
                #expect(sink.seqs == table)
                let rows = try await FactLog(postgres: client).page(after: 0, through: .max, limit: 10_000)
                #expect(
                    sink.facts == rows,
                    "what came by the stream is what the table has, to the last column"
                )
                // An idle server isn't made to keep anything.
                try await desk.settled(capture)
                #expect(try await desk.position == table.last)
                #expect(capture.report.count == Int64(table.count))
            }
        }
    }

    @Test func `a fact is not told before one that was numbered earlier and is committed later`() async throws
    {
        try await CaptureDesk.with { desk in
            try await desk.capturing { capture in
                try await desk.write(1)
                await desk.sink.wait { $0.count == 1 }
                try await desk.client.withTransaction { slow in
                    try await slow.pipeline(FactDraft.append([FactLogTests.draft(1, 1)]))
                    try await desk.write(1)
                    let behind = try await capture.slot.state()?.confirmed
                    // Until the stream has brought the second, which is when its oldest change has an age.
                    try await desk.bell.wait { capture.report.behind > .zero || desk.sink.isClosed }
                    #expect(desk.sink.seqs == [1])
                    #expect(try await desk.position == 1)
                    #expect(try await capture.slot.state()?.confirmed ?? .none >= behind ?? .none)
                }
                await desk.sink.wait { $0.count == 3 }
                #expect(desk.sink.seqs == [1, 2, 3])
            }
        }
    }

    @Test func `what was not told comes after a restart, and what was told doesn't`() async throws {
        try await CaptureDesk.with { desk in
            let capture = desk.capture { $0.batch = 10 }
            desk.sink.refuse(at: 25)
            try await desk.write(40)
            await #expect(throws: KeepingSink.Refused.self) { try await capture.run() }
            #expect(desk.sink.seqs == Array(1...20))
            #expect(try await desk.position == 20)
            try await desk.write(5)
            desk.sink.refuse(at: nil)
            try await desk.capturing { capture in
                await desk.sink.wait { $0.count == 45 }
                #expect(desk.sink.seqs == Array(1...45))
                try await desk.settled(capture)
            }
        }
    }

    @Test func `what was told and not remembered comes again, no more`() async throws {
        try await CaptureDesk.with { desk in
            try await desk.capturing { capture in
                try await desk.write(10)
                await desk.sink.wait { $0.count == 10 }
                try await desk.settled(capture)
                // A replay, as consumers know it.
                try await desk.client.execute(
                    Query("replay", "UPDATE fact_cursors SET position = 4, epoch = epoch + 1")
                )
                await desk.sink.wait { $0.count == 16 }
                #expect(desk.sink.seqs == Array(1...10) + Array(5...10))
            }
        }
    }

    @Test(arguments: [true, false])
    func `it goes on by itself when the server is restarted in mid-stream`(_ isInOrder: Bool) async throws {
        try await CaptureDesk.with { desk in
            try await desk.capturing { capture in
                try await desk.write(100)
                await desk.sink.wait { $0.count == 100 }
                desk.sink.shut()
                let arrivals = desk.sink.arrivals
                try await desk.write(200)
                while desk.sink.arrivals == arrivals, !desk.sink.isClosed { await Task.yield() }
                // A server that is stopped in order waits for its readers, and this one is stuck.
                if isInOrder { try await desk.cluster.stop() } else { try await desk.cluster.cutPower() }
                try await desk.cluster.start()
                desk.sink.open()
                await desk.sink.wait { $0.last?.seq == 300 }
                try await desk.write(100)
                let table = try await desk.table()
                await desk.sink.wait { [last = table.last] in $0.last?.seq == last }
                var seen = Set<Int64>()
                let first = desk.sink.seqs.filter { seen.insert($0).inserted }
                #expect(first == table, "nothing is missed, and the order is the log's")
                #expect(desk.sink.seqs.count <= table.count + 200, "what was on its way may come again")
                try await desk.settled(capture)
            }
        }
    }

    @Test func `what was committed without waiting for the disk is told, too`() async throws {
        try await CaptureDesk.with(settings: ["wal_writer_delay = '10s'"]) { desk in
            try await desk.capturing { _ in
                try await desk.write(1)
                await desk.sink.wait { $0.count == 1 }
                try await desk.client.withTransaction { transaction in
                    try await transaction.execute(Query("off", "SET LOCAL synchronous_commit = off"))
                    try await transaction.pipeline(FactDraft.append([FactLogTests.draft(1, 2)]))
                }
                // Brings the one before to the stream; is itself what the log's writer takes its time with.
                try await desk.client.withTransaction { transaction in
                    try await transaction.pipeline(FactDraft.append([FactLogTests.draft(1, 3)]))
                }
                await desk.sink.wait { $0.count == 3 }
                #expect(desk.sink.seqs == [1, 2, 3])
            }
        }
    }

    @Test func `one that is far behind catches up in order, with a window of a few facts`() async throws {
        try await CaptureDesk.with { desk in
            try await desk.capturing { capture in
                try await desk.write(1)
                await desk.sink.wait { $0.count == 1 }
                try await desk.settled(capture)
            }
            for _ in 0..<20 { try await desk.write(1_500) }
            let capture = desk.capture { $0.windowBytes = 10_000 }
            try await desk.capturing(capture) { capture in
                for _ in 0..<20 { try await desk.write(500) }
                let table = try await desk.table()
                #expect(table.count == 40_001)
                await desk.sink.wait { $0.count >= 40_001 }
                #expect(desk.sink.seqs == table)
                try await desk.settled(capture)
                #expect(capture.report.count == 40_000)
            }
        }
    }
}
