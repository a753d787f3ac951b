/// Whose turn comes in about ten minutes: each is told once, when the line has come so near.
struct NearingTurns: Sendable, Equatable {
    /// From here on a turn is near.
    static let near = 600
    /// Who waits no longer than this is told soon that it is their turn.
    static let soon = 120
    /// How many numbers one tick looks at, so that a fast line's ticks stay short.
    static let atMost = 500

    /// The last number that was looked at.
    private(set) var last: Int64
    /// The numbers to tell, each with the seconds that it will take.
    private(set) var found: [(number: Int64, seconds: Int)] = []

    /// - Parameters:
    ///   - last: the last number that was looked at before.
    ///   - serving: the last number that is called.
    ///   - issued: the last number there is.
    ///   - wait: in how many seconds a number is called; nil when nothing can be said.
    init(after last: Int64, serving: Int64, issued: Int64, wait: (Int64) -> Int?) {
        self.last = max(last, serving)
        let end = min(issued, self.last + Int64(Self.atMost))
        while self.last < end, let seconds = wait(self.last + 1), seconds <= Self.near {
            self.last += 1
            if seconds > Self.soon { found.append((self.last, seconds)) }
        }
    }

    static func == (left: Self, right: Self) -> Bool {
        left.last == right.last && left.found.elementsEqual(right.found) { $0 == $1 }
    }
}
