internal import HTTP
internal import Reactor

/// What a buyer knows of where they stand; each word is held against what was said before.
struct LineWatch {
    /// What a word means for the buyer.
    enum Verdict {
        case waits
        case isCalled
        /// Missed or left.
        case isOut
        /// The on-sale is over.
        case isOver
    }

    let place: String
    let began = MonotonicTime.now
    private var number: Int64?
    private var ahead = Int64.max
    /// The greatest `seq` of a socket's words, and the number that was called then.
    private var seq = Int64.min
    private var serving = Int64.min

    init(place: String) {
        self.place = place
    }

    /// Takes what `GET /v1/places/{id}` answers, or a socket says of the place; nil when it is no such thing.
    mutating func take(_ body: JSONValue, _ tally: DemoTally) -> Verdict? {
        guard let state = body["state"]?.string else { return nil }
        if let now = body["number"]?.int {
            if let number, number != now {
                tally.broken("promise 5: place \(place) had number \(number), then \(now)")
            }
            number = now
        }
        if number != nil, let now = body["ahead"]?.int {
            if now > ahead {
                tally.broken("promise 5: place \(place) moved back from \(ahead) to \(now) ahead")
            }
            ahead = now
        }
        switch state {
        case "called", "admitted": return .isCalled
        case "missed", "left": return .isOut
        case "done": return .isOver
        default: return .waits
        }
    }

    /// Whether a socket's word is as new as what was heard; who came back to another gateway passes over older ones.
    mutating func isNews(_ word: JSONValue) -> Bool {
        guard let now = word["seq"]?.int, now >= seq else { return false }
        seq = now
        return true
    }

    /// Takes a tick: the line only moves on.
    mutating func takeTick(_ tick: JSONValue, _ tally: DemoTally) {
        guard isNews(tick), let now = tick["serving"]?.int else { return }
        if now < serving {
            tally.broken("promise 5: serving went back from \(serving) to \(now), told on a socket")
        }
        serving = now
    }
}
