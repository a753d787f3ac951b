internal import EventLog
internal import Jobs
internal import Postgres

/// What the log has told of one on-sale, as far as it can be searched.
///
/// Follows the facts one by one, however they are told: in one batch or in a thousand it comes to the same, down to the
/// number of the fact that changed anything last.
struct SearchRecord: Sendable, Equatable {
    private(set) var entry: SearchEntry
    /// Tickets in all.
    let capacity: Int64
    /// Tickets that are held, being paid for or sold.
    private(set) var taken: Int64
    private(set) var state: OnSaleState
    private(set) var isPaused: Bool
    /// The number of the fact that it was filed by.
    let filed: Int64
    /// The number of the last fact that it knows of.
    private(set) var seq: Int64
    /// Words that it has, or had, since it was read.
    private(set) var newWords: Set<String> = []

    /// The kinds that change anything.
    static let kinds: Set<String> = [
        OnSaleFacts.Scheduled.kind, OnSaleFacts.Changed.kind, OnSaleFacts.Opened.kind,
        OnSaleFacts.Started.kind,
        OnSaleFacts.Paused.kind, OnSaleFacts.Resumed.kind, OnSaleFacts.SoldOut.kind, OnSaleFacts.Closed.kind,
        OnSaleFacts.Cancelled.kind, ReservationFact.Kind.held.rawValue, ReservationFact.Kind.expired.rawValue,
        ReservationFact.Kind.released.rawValue, ReservationFact.Kind.refunded.rawValue,
    ]

    /// What ``init(_:)`` reads of `search_entries AS e` and `search_counts AS c`.
    static let columns: SQL =
        "\(fragment: SearchEntry.columns), c.capacity, c.taken, c.state, c.paused, c.filed, c.seq"

    init(_ row: Row) throws {
        entry = try SearchEntry(row)
        let first = SearchEntry.columnCount
        capacity = try row[first]
        taken = try row[first + 1]
        state = try row[first + 2]
        isPaused = try row[first + 3]
        filed = try row[first + 4]
        seq = try row[first + 5]
    }

    /// What was filed; nil for a fact of another kind.
    ///
    /// - Throws: `JobsError` when its data is not what its schema says.
    init?(filedBy fact: Fact) throws {
        guard fact.kind == OnSaleFacts.Scheduled.kind else { return nil }
        let filed = try Self.data(Filed.self, of: fact)
        let prices = filed.tiers.map(\.price)
        capacity = filed.capacity
        entry = SearchEntry(
            id: OnSaleID(rawValue: fact.onSale),
            title: filed.title,
            venue: filed.venue,
            city: filed.city,
            genre: filed.genre,
            currency: filed.currency,
            eventAt: try filed.event_at.map { try Self.instant($0, fact) },
            opensAt: try Self.instant(filed.opens_at, fact),
            startsAt: try Self.instant(filed.starts_at, fact),
            closesAt: try Self.instant(filed.closes_at, fact),
            prices: (prices.min() ?? 0)...(prices.max() ?? 0),
            capacity: filed.capacity,
            seq: fact.seq
        )
        taken = 0
        state = .scheduled
        isPaused = false
        self.filed = fact.seq
        seq = fact.seq
        noteWords()
    }

    /// Takes in a fact; one that it knows of changes nothing.
    ///
    /// - Throws: `JobsError` when its data is not what its schema says.
    mutating func take(_ fact: Fact) throws {
        guard fact.seq > seq else { return }
        seq = fact.seq
        let before = entry
        switch fact.kind {
        case OnSaleFacts.Changed.kind: try change(fact)
        case OnSaleFacts.Opened.kind: state = .prequeue
        case OnSaleFacts.Started.kind: state = .admitting
        case OnSaleFacts.Paused.kind: isPaused = true
        case OnSaleFacts.Resumed.kind: isPaused = false
        case OnSaleFacts.SoldOut.kind: state = .soldOut
        case OnSaleFacts.Closed.kind: state = .closed
        case OnSaleFacts.Cancelled.kind: state = .cancelled
        case ReservationFact.Kind.held.rawValue: taken += try Self.data(Tickets.self, of: fact).quantity
        case ReservationFact.Kind.expired.rawValue, ReservationFact.Kind.released.rawValue,
            ReservationFact.Kind.refunded.rawValue:
            taken -= try Self.data(Tickets.self, of: fact).quantity
        default: return
        }
        entry.state = state.published(paused: isPaused)
        entry.isOver = state == .closed || state == .cancelled
        // What comes back once it is sold out goes to those who wait for it.
        entry.availability = state.isOver ? .none : .init(free: capacity - taken, of: capacity)
        if entry != before { entry.seq = fact.seq }
    }

    private mutating func change(_ fact: Fact) throws {
        let changed = try Self.data(Changed.self, of: fact)
        entry.title = changed.title ?? entry.title
        entry.venue = changed.venue ?? entry.venue
        entry.city = changed.city ?? entry.city
        entry.genre = changed.genre ?? entry.genre
        if let text = changed.event_at { entry.eventAt = try Self.instant(text, fact) }
        entry.opensAt = try Self.instant(changed.opens_at, fact)
        entry.startsAt = try Self.instant(changed.starts_at, fact)
        entry.closesAt = try Self.instant(changed.closes_at, fact)
        noteWords()
    }

    private mutating func noteWords() {
        let (title, place) = entry.words
        newWords.formUnion(title)
        newWords.formUnion(place)
    }

    // MARK: What facts say

    // Named as in the schemas.
    private struct Filed: Decodable {
        struct Tier: Decodable { let price: Int64 }

        let title: String
        let venue: String
        let city: String
        let currency: String
        let genre: String?
        let event_at: String?
        let opens_at: String
        let starts_at: String
        let closes_at: String
        let capacity: Int64
        let tiers: [Tier]
    }

    private struct Changed: Decodable {
        let title: String?
        let venue: String?
        let city: String?
        let genre: String?
        let event_at: String?
        let opens_at: String
        let starts_at: String
        let closes_at: String
    }

    private struct Tickets: Decodable { let quantity: Int64 }

    private static func data<Data: Decodable>(_ type: Data.Type, of fact: Fact) throws -> Data {
        try JSONCoding.decode(type, from: fact.data, what: "fact \(fact.seq), \(fact.kind),")
    }

    private static func instant(_ text: String, _ fact: Fact) throws -> PostgresTimestamp {
        guard let instant = PostgresTimestamp(rfc3339: text) else {
            throw JobsError(code: .undecodable, message: "fact \(fact.seq): \"\(text)\" is no instant")
        }
        return instant
    }
}
