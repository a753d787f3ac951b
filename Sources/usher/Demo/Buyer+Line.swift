internal import HTTP
internal import Reactor

/// The time in line: asking again and again, or being told.
extension Buyer {
    /// How often in a row a socket may come to nothing before the buyer asks instead.
    private static let socketAttempts = 5

    /// True once it is the buyer's turn and they are there.
    func waitInLine(_ place: Place) async -> Bool {
        var watch = LineWatch(place: place.id)
        if plan.followsLive, let live {
            tally.change { $0.live.wanted += 1 }
            if let comesIn = await follow(place, on: live, &watch) { return comesIn }
            tally.change { $0.live.fellBack += 1 }
        }
        return await poll(place, &watch)
    }

    // MARK: Asking

    private func poll(_ place: Place, _ watch: inout LineWatch) async -> Bool {
        while MonotonicTime.now < room.deadline {
            guard let answer = await client.send(.get, "/v1/places/\(place.id)", token: place.token) else {
                return false
            }
            guard answer.status == 200, let verdict = watch.take(answer.body, tally) else {
                unexpected(answer, "place")
                return false
            }
            if let comesIn = await decide(verdict, place, watch) { return comesIn }
            let poll = answer.body["poll_after_ms"]?.int ?? 1000
            try? await Task.sleep(for: .milliseconds(max(50, poll)))
        }
        return false
    }

    /// What becomes of the buyer; nil while they wait.
    private func decide(_ verdict: LineWatch.Verdict, _ place: Place, _ watch: LineWatch) async -> Bool? {
        switch verdict {
        case .isCalled: return plan.character != .missesTurn
        case .isOut: return false
        case .isOver:
            await noteTheEnd()
            return false
        case .waits: break
        }
        guard plan.character == .givesUp, MonotonicTime.now - watch.began > plan.patience else { return nil }
        tally.change { $0.gaveUp += 1 }
        await leave(place)
        return false
    }

    // MARK: Being told

    /// Follows the on-sale on a socket, and on another when that one was cut off; nil when none can be had.
    private func follow(_ place: Place, on live: LiveLine, _ watch: inout LineWatch) async -> Bool? {
        // Who listens doesn't ask: one connection is enough.
        client.connection.close()
        var failures = 0
        while failures < Self.socketAttempts, MonotonicTime.now < room.deadline {
            var wasOpen = false
            for await word in live.follow(place.token, alarm: timeLeft(watch)) {
                var verdict = LineWatch.Verdict.waits
                switch word {
                case .opened:
                    wasOpen = true
                    failures = 0
                    tally.change { $0.live.opened += 1 }
                case .alarm:
                    guard MonotonicTime.now < room.deadline else { return false }
                case .said(let message):
                    tally.change { $0.live.messages += 1 }
                    switch message["type"]?.string {
                    case "tick": watch.takeTick(message, tally)
                    case "place" where watch.isNews(message):
                        verdict = watch.take(message, tally) ?? .waits
                    case "problem":
                        let code = message["code"]?.string ?? ""
                        tally.change { $0.unexpected["live: \(code)", default: 0] += 1 }
                        return nil
                    default: break
                    }
                }
                if let comesIn = await decide(verdict, place, watch) {
                    if verdict == .isCalled { tally.change { $0.live.called += 1 } }
                    return comesIn
                }
            }
            guard !Task.isCancelled else { return false }
            if wasOpen { tally.change { $0.live.cuts += 1 } } else { failures += 1 }
            // Not everybody in the same moment, and later each time.
            try? await Task.sleep(for: .seconds(Double.random(in: 0.1...0.5) * Double(failures + 1)))
        }
        return MonotonicTime.now < room.deadline ? nil : false
    }

    /// How long the buyer listens before looking at the clock.
    private func timeLeft(_ watch: LineWatch) -> Duration {
        let all = room.deadline - .now
        guard plan.character == .givesUp else { return max(.zero, all) }
        let patience = plan.patience - (MonotonicTime.now - watch.began) + .milliseconds(1)
        return max(.milliseconds(1), min(all, patience))
    }
}
