internal import Postgres

/// Puts facts, which the server's stream brings in the order of commits, into the order of the log.
///
/// A fact may be told when its number is final and the stream has come to where it became so: nothing with a smaller
/// number can come any more. What the stream can't be counted on for is read from the log's table: what was committed
/// before the stream began, and what didn't fit into the window. So the window is all that is kept, however far behind the
/// stream is. It knows nothing of connections; it is told what came, and says what to do.
struct FactOrder: Sendable {
    /// What to do next.
    enum Step: Sendable, Equatable {
        /// Wait for the stream.
        case wait
        /// Look how far numbers are final.
        case ask
        /// Wait until the stream has come to this place, which the server may have to be pushed to.
        case hear(LSN)
        /// Tell what the table has after one number and up to another.
        case read(after: Int64, through: Int64)
        /// Tell these; it is all there is up to a number.
        case tell([Fact], through: Int64)
    }

    private struct Settled: Sendable {
        var end: LSN
        /// The greatest number of its facts.
        var last: Int64
        var committedAt: PostgresTimestamp
    }

    private static let mostFinals = 64
    private static let mostTransactions = 1024
    /// What a fact takes beside its data, by and by.
    private static let overhead = 128

    private let mostBytes: Int
    /// All facts up to this number have been told.
    private(set) var told: Int64
    /// All transactions whose commit lies before have come.
    private(set) var position = LSN.none
    private var horizon: FactHorizon
    /// Up to which number the stream can't be counted on; nil before that was looked at.
    private var gap: Int64?
    /// Facts beyond the gap, in the order of the log.
    private var window: [Fact] = []
    private(set) var windowBytes = 0
    /// How far numbers were final, and where in the server's log that was seen, in order.
    private var finals: [(seq: Int64, at: LSN)] = []
    /// How far numbers were final where the stream has come to.
    private var reached: Int64
    /// The greatest number of the transaction that is coming.
    private var coming: Int64?
    /// Transactions that have facts which were not told, in the order of commits.
    private var transactions: [Settled] = []
    /// Behind the last transaction before those.
    private var settledEnd = LSN.none

    /// - Parameters:
    ///   - told: The number up to which all was told before.
    ///   - mostBytes: How much the window may hold.
    init(told: Int64, mostBytes: Int) {
        self.told = told
        self.mostBytes = mostBytes
        reached = told
        horizon = FactHorizon(final: told)
    }

    /// What the server need not send again: all before it was told.
    var confirmed: LSN { transactions.isEmpty ? position : settledEnd }

    /// When the oldest transaction was committed that is still to be told of; nil when there is none.
    var oldest: PostgresTimestamp? { transactions.first?.committedAt }

    // MARK: What came

    /// A fact, of the transaction that is coming.
    mutating func take(_ fact: Fact) {
        coming = max(coming ?? .min, fact.seq)
        guard fact.seq > told, fact.seq > gap ?? .min else { return }
        // Almost always the last place.
        var place = window.endIndex
        while place > 0, window[place - 1].seq > fact.seq { place -= 1 }
        window.insert(fact, at: place)
        windowBytes += Self.size(fact)
        guard windowBytes > mostBytes, let last = window.last else { return }
        gap = max(gap ?? .min, last.seq)
        window = []
        windowBytes = 0
    }

    /// The end of a transaction.
    mutating func commit(end: LSN, at committedAt: PostgresTimestamp) {
        position = max(position, end)
        guard let last = coming.take() else { return }
        if transactions.count >= Self.mostTransactions {
            // A transaction may be taken for told as late as one after it.
            transactions[transactions.count - 1].end = end
            transactions[transactions.count - 1].last = max(transactions[transactions.count - 1].last, last)
        } else {
            transactions.append(Settled(end: end, last: last, committedAt: committedAt))
        }
        settle()
    }

    /// How far the server has come without anything for us.
    mutating func pass(_ place: LSN) {
        position = max(position, place)
    }

    /// How far numbers were given out, and how long the server's log was after that was seen.
    mutating func take(_ sample: FactHorizon.Sample, at place: LSN) {
        // Whoever takes a greater number commits after this, so the stream, which has begun, will have it.
        if gap == nil {
            gap = sample.given
            let known = window.prefix { $0.seq <= sample.given }
            drop(known.count)
        }
        guard horizon.take(sample) else { return }
        if finals.count == Self.mostFinals { finals.removeLast() }
        finals.append((horizon.final, place))
    }

    /// Everything up to a number has been told, and will never be again.
    mutating func told(through seq: Int64) {
        told = max(told, seq)
        drop(window.prefix { $0.seq <= told }.count)
        settle()
    }

    // MARK: What to do

    /// The same until something comes or is told.
    mutating func next() -> Step {
        guard let gap else { return .ask }
        if told < gap { return horizon.final > told ? .read(after: told, through: horizon.final) : .ask }
        while let first = finals.first, first.at <= position {
            reached = first.seq
            finals.removeFirst()
        }
        if reached > told {
            return .tell(Array(window.prefix { [reached] in $0.seq <= reached }), through: reached)
        }
        guard let last = window.last else { return .wait }
        // Nothing more can be learnt by asking.
        if let final = finals.last, final.seq >= last.seq { return .hear(final.at) }
        return .ask
    }

    private mutating func settle() {
        let done = transactions.prefix { $0.last <= told }
        guard let last = done.last else { return }
        settledEnd = last.end
        transactions.removeFirst(done.count)
    }

    private mutating func drop(_ count: Int) {
        guard count > 0 else { return }
        windowBytes -= window[..<count].reduce(0) { $0 + Self.size($1) }
        window.removeFirst(count)
    }

    private static func size(_ fact: Fact) -> Int { fact.data.bytes.count + fact.kind.utf8.count + overhead }
}
