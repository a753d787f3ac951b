import BoxOffice
import HTTP
import TestSupport
import Testing

@testable import HTTPGateway

struct PollStretchTests {
    @Test func `it doubles while a loop is late, and comes back slowly`() {
        var stretch = PollStretch()
        var factors: [Double] = []
        for _ in 0..<4 {
            stretch = stretch.following(.milliseconds(300))
            factors.append(stretch.factor)
        }
        #expect(factors == [2, 4, 8, 8])
        stretch = stretch.following(.milliseconds(249))
        #expect(abs(stretch.factor - 7.2) < 1e-9)
        for _ in 0..<30 { stretch = stretch.following(.zero) }
        #expect(stretch == PollStretch())
    }

    @Test func `a late loop is seen in the documents of the next second`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let status = "/v1/on-sales/\(onSale)/status"
            let usual = try await house.poll(status) { $0["state"]?.string == "prequeue" }
            // The start is an hour away, and a turn ten minutes long.
            #expect(usual["poll_after_ms"]?.int == 30_000)
            try await house.shiftClock(seconds: 3500)
            let near = try await house.poll(status) { ($0["poll_after_ms"]?.int ?? 0) < 6_000 }
            let before = try #require(near["poll_after_ms"]?.int)
            house.gateway.note(delay: .seconds(1))
            _ = try await house.poll(status) { ($0["poll_after_ms"]?.int ?? 0) > before * 3 / 2 }
        }
    }
}
