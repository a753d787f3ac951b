import HTTP
import Postgres
import TestSupport
import Testing

@testable import HTTPGateway

/// A promoter's and an operator's day, through the pages alone, before one gateway.
@Suite(.withBrowser, .timeLimit(.minutes(10)))
struct WholeDayTests {
    @Test func `A promoter's and an operator's whole day go through the pages`() async throws {
        try await withParcels { house, van in
            try await Browser.run { devTools in
                // Two people, who share neither cookies nor memory.
                let promoter = try await PromoterAtDesk(Browser(devTools), house)
                let board = try await OperatorOnBoard(Browser(devTools), house)
                try await promoter.signingIn()
                try await promoter.planning()
                let id = try #require(
                    try await promoter.tab.evaluate("location.hash.split('/')[1]").string
                )
                try await board.signIn()
                try await board.findingTheSale(id)
                try await promoter.codes()
                try await promoter.selling(id)
                try await board.queuesAndPools()
                try await board.aFailedRun(van)
                try await board.aWaitingRun()
                try await promoter.steering(id)
                try await board.deadLetters(van)
                try await promoter.papers(id)
                try await promoter.cancelling()
                try await board.evening()
                // Both have gone home.
                #expect(
                    try await house.database.client.query(Query("test.none", "SELECT FROM staff_sessions"))
                        .isEmpty
                )
                for tab in [promoter.tab, board.tab] {
                    #expect(tab.hosts == ["127.0.0.1:\(house.api.port)"])
                }
            }
        }
    }
}
