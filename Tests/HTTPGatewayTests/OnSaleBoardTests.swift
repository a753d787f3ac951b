import Postgres
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// What a gateway knows of the on-sales, whatever order the answers come in.
@Suite(.timeLimit(.minutes(5)))
struct OnSaleBoardTests {
    @Test func `An answer that was asked for before an on-sale was scheduled does not make it unknown`()
        async throws
    {
        try await withGateway { house in
            let early = MonotonicTime.now
            let before = try await OnSaleStatus.all(in: house.database.client)
            let id = try #require(OnSaleID(publicID: try await house.schedule()))
            let late = MonotonicTime.now
            let after = try await OnSaleStatus.all(in: house.database.client)
            #expect(!before.contains { $0.id == id } && after.contains { $0.id == id })
            let board = OnSaleBoard(
                reads: SharedReads(
                    primary: house.database.client,
                    replica: nil,
                    bound: .zero,
                    metrics: MetricsRegistry(),
                    logger: Logger(label: "test")
                ),
                orders: DrawOrders(),
                logger: Logger(label: "test")
            )
            try await board.take(after, askedAt: late)
            let age = try #require(board.age)
            try await board.take(before, askedAt: early)
            #expect(board[id] != nil)
            // Nor does it make what is known look newer than it is.
            #expect(try #require(board.age) >= age)
            // What a later answer does not have is gone.
            try await board.take([], askedAt: .now)
            #expect(board[id] == nil)
        }
    }
}
