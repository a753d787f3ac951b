import HTTP
import Reactor
import Testing

@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct BatcherTests {
    private let loops: EventLoopGroup

    init() throws {
        loops = try EventLoopGroup(count: 2, name: "test")
    }

    @Test func `Requests that come while a batch commits go together, and each gets its own response`()
        async throws
    {
        defer { loops.stop() }
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let sizes = Lock<[Int]>([])
        let batcher = Batcher<Int, Int>(limit: 1_000, committers: 1) { batch in
            let isFirst = sizes.withLock { sizes in
                sizes.append(batch.count)
                return sizes.count == 1
            }
            if isFirst { for await _ in gate { break } }
            return batch.map { $0 * 2 }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await batcher.run(on: loops) }
            group.addTask {
                let response = try await batcher.submit(0)
                #expect(response == 0)
            }
            while sizes.withLock({ $0.isEmpty }) { await Task.yield() }
            for number in 1...500 {
                group.addTask {
                    let response = try await batcher.submit(number)
                    #expect(response == number * 2)
                }
            }
            while batcher.waitingCount < 500 { await Task.yield() }
            open.yield()
            for _ in 0...500 { try await group.next() }
            batcher.close()
            try await group.waitForAll()
        }
        #expect(sizes.withLock { $0 } == [1, 500])
    }

    @Test func `A batch that fails fails for each of its requests, and the next one is tried`() async throws {
        struct Refused: Error {}
        defer { loops.stop() }
        let batcher = Batcher<Int, Int>(limit: 1, committers: 2) { batch in
            if batch[0] < 0 { throw Refused() }
            return batch
        }
        async let running: Void = batcher.run(on: loops)
        await #expect(throws: Refused.self) { try await batcher.submit(-1) }
        #expect(try await batcher.submit(1) == 1)
        batcher.close()
        await running
        await #expect(throws: Problem.self) { try await batcher.submit(2) }
    }

    @Test func `What can't wait any more is refused`() async throws {
        defer { loops.stop() }
        let batcher = Batcher<Int, Int>(backlog: 1) { $0 }
        let first = Task { try await batcher.submit(1) }
        while batcher.waitingCount < 1 { await Task.yield() }
        await #expect { try await batcher.submit(2) } throws: { ($0 as? Problem)?.code == "overloaded" }
        batcher.close()
        await batcher.run(on: loops)
        #expect(try await first.value == 1)
    }
}
