internal import Reactor

/// What a process full of listening sockets tells its parent, a line each.
enum ListenReport: Sendable, Equatable {
    /// So many sockets are open, and so many could not be opened or were lost.
    case open(Int, lost: Int)
    /// All sockets of a gateway have heard the state of this `seq`.
    case told(gateway: Int, seq: Int, first: MonotonicTime, last: MonotonicTime)

    private static let mark = "bench listen"

    var line: String {
        switch self {
        case .open(let count, let lost): "\(Self.mark) open \(count) \(lost)"
        case .told(let gateway, let seq, let first, let last):
            "\(Self.mark) told \(gateway) \(seq) \(first.nanoseconds) \(last.nanoseconds)"
        }
    }

    /// Reads a line; nil when it says something else.
    init?(line: some StringProtocol) {
        guard line.hasPrefix(Self.mark + " ") else { return nil }
        let words = line.split(separator: " ").dropFirst(2)
        let numbers = words.dropFirst().compactMap { UInt64($0) }
        switch (words.first, numbers.count) {
        case ("open", 2): self = .open(Int(numbers[0]), lost: Int(numbers[1]))
        case ("told", 4):
            self = .told(
                gateway: Int(numbers[0]),
                seq: Int(numbers[1]),
                first: MonotonicTime(nanoseconds: numbers[2]),
                last: MonotonicTime(nanoseconds: numbers[3])
            )
        default: return nil
        }
    }
}
