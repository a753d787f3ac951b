/// Goes down the line until as many were found as are wanted, passing those that have left.
struct CallUp: Sendable, Equatable {
    /// The first number that may be called.
    let first: Int64
    private let issued: Int64
    private let wanted: Int
    /// How many were found that haven't left.
    private(set) var called = 0
    /// The last number passed; `first − 1` while there is none.
    private(set) var last: Int64

    init(serving: Int64, issued: Int64, wanted: Int) {
        first = serving + 1
        last = serving
        self.issued = issued
        self.wanted = wanted
    }

    /// The numbers to look at next; nil when enough were found or the line is at its end.
    func nextChunk() -> ClosedRange<Int64>? {
        guard called < wanted, last < issued else { return nil }
        return last + 1...min(issued, last + Int64(wanted - called) + 8)
    }

    /// Takes a chunk, of which some have left.
    mutating func take(_ chunk: ClosedRange<Int64>, gone: Set<Int64>) {
        for number in chunk where called < wanted {
            last = number
            if !gone.contains(number) { called += 1 }
        }
    }
}
