import HTTP
import Reactor
import TestSupport
import Testing

/// Ten people with phones go through a sale in which a thousand others ask where they are.
@Suite(.timeLimit(.minutes(10)), .enabled(if: DevTools.isInstalled, "Chromium is not installed"))
struct LineCrowdTests {
    /// What the thousand were answered.
    private final class Crowd: Sendable {
        private let counts = Lock((polls: 0, refused: [Int]()))
        /// Ends once a thousand polls were answered.
        let isThere = AsyncStream.makeStream(of: Void.self)

        var polls: Int { counts.withLock { $0.polls } }
        var refused: [Int] { counts.withLock { $0.refused } }

        /// A buyer without a browser: asks for its place as often as it is told to, until it is over.
        func poll(_ place: Place, _ house: GatewayAtWork) async {
            while !Task.isCancelled {
                let answer = try? await house.send(.get, "/v1/places/\(place.id)", token: place.token)
                guard let answer else { return }
                counts.withLock { counts in
                    counts.polls += 1
                    if counts.polls == 1_000 { isThere.continuation.finish() }
                    if answer.status != 200 { counts.refused.append(answer.status) }
                }
                // The pace is the gateway's own.
                try? await Task.sleep(for: .milliseconds(answer["poll_after_ms"]?.int ?? 5_000))
            }
        }
    }

    @Test func `Ten browsers buy while a thousand buyers poll`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(standing: 1_100)
            let crowd = Crowd()
            try await Browser.run { devTools in
                var lines: [LineOnScreen] = []
                for _ in 0..<10 {
                    let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                    try await line.reach("join")
                    try await line.tab.click("button.primary")
                    try await line.reach("joined")
                    lines.append(line)
                }
                try await house.shiftClock(seconds: 3_600)
                for line in lines { try await line.reach("turn") }
                // Those who come after the draw stand behind, and no more are called than may buy at once.
                let places = try await withThrowingTaskGroup(of: Place.self) { group in
                    for _ in 0..<1_000 { group.addTask { try await house.join(onSale) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                try await withThrowingTaskGroup(of: Void.self) { everyone in
                    for place in places { everyone.addTask { await crowd.poll(place, house) } }
                    for await _ in crowd.isThere.stream {}
                    try await withThrowingTaskGroup(of: Void.self) { buyers in
                        for line in lines { buyers.addTask { try await buy(line, house) } }
                        try await buyers.waitForAll()
                    }
                    everyone.cancelAll()
                }
            }
            #expect(crowd.refused == [], "of \(crowd.polls)")
        }
    }

    private func buy(_ line: LineOnScreen, _ house: GatewayAtWork) async throws {
        try await line.tab.click(".turn button.primary")
        try await line.reach("choose")
        try await line.tab.click("section button.primary")
        try await line.reach("hold")
        try await line.tab.click("input[value=good]")
        try await line.tab.click("section button.primary")
        try await line.reach("bought")
        #expect(line.tab.takeComplaints() == [])
        #expect(line.tab.hosts == ["127.0.0.1:\(house.api.port)"])
    }
}
