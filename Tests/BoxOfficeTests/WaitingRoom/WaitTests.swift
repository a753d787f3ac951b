@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct WaitTests {
    @Test func `the band surrounds the expectation`() throws {
        let wait = try #require(
            WaitEstimate(ahead: 599, ratePerMinute: 600, recentPerMinute: 300, paused: false)
        )
        #expect(wait.p25 == 60)
        #expect(wait.p50 == 120)
        #expect(wait.p75 == 168)
    }

    @Test func `nothing is promised while nothing moves`() {
        #expect(WaitEstimate(ahead: 5, ratePerMinute: 600, recentPerMinute: nil, paused: true) == nil)
        #expect(WaitEstimate(ahead: 5, ratePerMinute: 0, recentPerMinute: 10, paused: false) == nil)
        #expect(WaitEstimate(ahead: 5, ratePerMinute: 60, recentPerMinute: 0, paused: false) == nil)
    }

    @Test(arguments: [
        (nil, 120, 5000), (0, 120, 1000), (400, 120, 20_000), (90_000, 120, 30_000), (90_000, 8, 2000),
        (0, 1, 250),
    ])
    func `polls are rare in a long line and at most a quarter of a turn apart`(
        wait: Int?,
        turn: Int,
        expected: Int
    ) {
        #expect(PollPolicy.milliseconds(waitSeconds: wait, turnSeconds: turn) == expected)
    }

    @Test func `a place's state follows from the facts`() {
        var facts = PlaceFacts(
            onSale: .prequeue,
            serving: 0,
            number: nil,
            hasLeft: false,
            turnExpiresAt: nil,
            turnIsSettled: false,
            admission: nil
        )
        #expect(facts.state == .prequeue)
        facts.onSale = .admitting
        facts.number = 3
        #expect(facts.state == .waiting)
        facts.serving = 3
        #expect(facts.state == .called)
        facts.turnIsSettled = true
        #expect(facts.state == .missed)
        facts.onSale = .soldOut
        #expect(facts.state == .done)
        facts.hasLeft = true
        #expect(facts.state == .left)
    }
}
