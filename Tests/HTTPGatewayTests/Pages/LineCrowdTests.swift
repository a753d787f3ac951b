import HTTP
import Reactor
import TestSupport
import Testing

/// Ten people with phones go through a sale in which a thousand others ask where they are.
@Suite(.timeLimit(.minutes(10)), .withBrowser)
struct LineCrowdTests {
    /// What the thousand were answered.
    private final class Crowd: Sendable {
        private let counts = Lock((polls: 0, refused: [String]()))
        /// Ends once a thousand polls were answered.
        let isThere = AsyncStream.makeStream(of: Void.self)

        var polls: Int { counts.withLock { $0.polls } }
        var refused: [String] { counts.withLock { $0.refused } }

        /// A buyer without a browser: asks for its place as often as it is told to, until it is over.
        func poll(_ place: Place, _ house: GatewayAtWork) async {
            while !Task.isCancelled {
                do {
                    let answer = try await house.send(.get, "/v1/places/\(place.id)", token: place.token)
                    counts.withLock { counts in
                        counts.polls += 1
                        if answer.status != 200 { counts.refused.append("\(answer)") }
                        if counts.polls == 1_000 { isThere.continuation.finish() }
                    }
                    // Not a wait for anything: how often a crowd asks is what the sale has to bear, and the gateway's own word.
                    try await Task.sleep(for: .milliseconds(answer["poll_after_ms"]?.int ?? 5_000))
                } catch {
                    // Sent home when the sale is over; anything else is told.
                    if !Task.isCancelled { counts.withLock { $0.refused.append("\(error)") } }
                    return
                }
            }
        }
    }

    @Test func `Ten browsers buy while a thousand buyers poll`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule(standing: 4_000)
            let crowd = Crowd()
            try await Browser.run { devTools in
                var lines: [LineOnScreen] = []
                for _ in 0..<10 {
                    let line = try await LineOnScreen(try await Browser(devTools), house, onSale)
                    try await line.join()
                    lines.append(line)
                }
                try await house.shiftClock(seconds: 3_600)
                for line in lines { try await line.reach("turn") }
                // Those who come after the draw stand behind, and no more are called than may buy at once.
                let places = try await withThrowingTaskGroup(of: Place.self) { group in
                    for _ in 0..<1_000 { group.addTask { try await house.join(onSale) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                // One more, who has them all ahead, and the promoter, who sees how it goes.
                let last = try await LineOnScreen(try await Browser(devTools), house, onSale)
                let desk = try await PromoterAtDesk(Browser(devTools), house)
                try await desk.signIn(house.promoterKey)
                try await desk.tab.click("a[href='#/\(onSale)']")
                try await desk.tab.wait(for: "1,010 joined", in: "#figures")
                try await withThrowingTaskGroup(of: Void.self) { everyone in
                    for place in places { everyone.addTask { await crowd.poll(place, house) } }
                    for await _ in crowd.isThere.stream {}
                    try await withThrowingTaskGroup(of: Void.self) { buyers in
                        for line in lines { buyers.addTask { try await buy(line, house) } }
                        try await buyers.waitForAll()
                    }
                    try await last.reach("join")
                    try await last.tab.click("button.primary")
                    try await last.reach("waiting")
                    let ahead = try await last.tab.text(".ahead .big") ?? ""
                    #expect(try await last.tab.text(".facts dt") == "Your number")
                    #expect(Int(ahead.filter(\.isNumber)) ?? 0 > 100, "\(ahead)")
                    try await last.inspect("crowd")
                    try await desk.tab.wait(for: "1,011 joined", in: "#figures")
                    try await desk.inspect("crowd")
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
