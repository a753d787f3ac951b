@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct WaitTests {
    @Test func `the band surrounds the expectation`() throws {
        let wait = try #require(
            WaitEstimate(ahead: 599, ratePerMinute: 600, pace: LinePace(quick: 300, slow: 600), paused: false)
        )
        #expect(
            wait
                == WaitEstimate(
                    ahead: 599,
                    ratePerMinute: 300,
                    pace: LinePace(quick: 300, slow: 900),
                    paused: false
                )
        )
        #expect(wait.p25 == 60)
        #expect(wait.p50 == 120)
        #expect(wait.p75 == 168)
        let slower = try #require(
            WaitEstimate(ahead: 599, ratePerMinute: 600, pace: LinePace(quick: 300, slow: 150), paused: false)
        )
        #expect((slower.p25, slower.p50, slower.p75) == (96, 120, 240))
    }

    @Test func `the pace follows the line, soon over a minute and slowly over five`() {
        var pace = LinePace(quick: 600, slow: 600)
        // Two a second from now on.
        for _ in 0..<180 { pace = pace.following(passed: 2, seconds: 1) }
        #expect(abs(pace.quick - 120) < 480 * 0.06)
        #expect(pace.slow > 300 && pace.slow < 420)
        // A long line that gives up passes faster than it is called.
        for _ in 0..<600 { pace = pace.following(passed: 10, seconds: 1) }
        #expect(abs(pace.quick - 600) < 10)
        #expect(pace.following(passed: 100, seconds: 0) == pace)
    }

    @Test func `nothing is promised while nothing moves`() {
        let pace = LinePace(quick: 10, slow: 10)
        #expect(WaitEstimate(ahead: 5, ratePerMinute: 600, pace: pace, paused: true) == nil)
        #expect(WaitEstimate(ahead: 5, ratePerMinute: 0, pace: pace, paused: false) == nil)
        let still = LinePace(quick: 0, slow: 10)
        #expect(WaitEstimate(ahead: 5, ratePerMinute: 60, pace: still, paused: false) == nil)
        // Longer than a day is no estimate.
        #expect(WaitEstimate(ahead: 20_000, ratePerMinute: 600, pace: pace, paused: false) == nil)
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

    @Test func `a gateway that is behind asks for fewer polls, and nobody oversleeps`() {
        #expect(PollPolicy.milliseconds(waitSeconds: 40, turnSeconds: 120, stretch: 4) == 8000)
        #expect(PollPolicy.milliseconds(waitSeconds: 0, turnSeconds: 120, stretch: 8) == 8000)
        #expect(PollPolicy.milliseconds(waitSeconds: 400, turnSeconds: 40, stretch: 8) == 10_000)
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
