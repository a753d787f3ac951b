package import Postgres

/// An on-sale as it is found.
package struct SearchEntry: Sendable, Equatable {
    /// How much is left, as roughly as anybody has to know who looks around.
    package enum Availability: String, Sendable, CaseIterable, PostgresEncodable, PostgresDecodable {
        case many
        /// Less than a tenth.
        case few
        case none

        init(free: Int64, of capacity: Int64) {
            self = free <= 0 ? .none : free * 10 < capacity ? .few : .many
        }
    }

    package let id: OnSaleID
    package internal(set) var title: String
    package internal(set) var venue: String
    package internal(set) var city: String
    package internal(set) var genre: String?
    package let currency: String
    /// When it takes place; nil when nobody said.
    package internal(set) var eventAt: PostgresTimestamp?
    package internal(set) var opensAt: PostgresTimestamp
    package internal(set) var startsAt: PostgresTimestamp
    package internal(set) var closesAt: PostgresTimestamp
    /// What the cheapest ticket costs, in minor units.
    package let priceFrom: Int64
    /// What the dearest costs.
    package let priceTo: Int64
    /// As buyers are told it.
    package internal(set) var state: String
    /// Whether nothing is sold any more: then it is not found.
    package internal(set) var isOver: Bool
    package internal(set) var availability: Availability
    /// The number of the last fact that changed anything of this.
    package internal(set) var seq: Int64

    /// By what it is sorted among those that fit as well.
    package var at: PostgresTimestamp { eventAt ?? startsAt }

    /// What ``init(_:)`` reads of `search_entries AS e`.
    static let columns: SQL = """
        e.on_sale_id, e.title, e.venue, e.city, e.genre, e.currency, e.event_at, e.opens_at, e.starts_at, e.closes_at,
        e.price_from, e.price_to, e.state, e.is_over, e.availability, e.seq
        """
    static let columnCount = 16

    init(_ row: Row, at column: Int = 0) throws {
        id = OnSaleID(rawValue: try row[column])
        title = try row[column + 1]
        venue = try row[column + 2]
        city = try row[column + 3]
        genre = try row[column + 4]
        currency = try row[column + 5]
        eventAt = try row[column + 6]
        opensAt = try row[column + 7]
        startsAt = try row[column + 8]
        closesAt = try row[column + 9]
        priceFrom = try row[column + 10]
        priceTo = try row[column + 11]
        state = try row[column + 12]
        isOver = try row[column + 13]
        availability = try row[column + 14]
        seq = try row[column + 15]
    }

    init(
        id: OnSaleID,
        title: String,
        venue: String,
        city: String,
        genre: String?,
        currency: String,
        eventAt: PostgresTimestamp?,
        opensAt: PostgresTimestamp,
        startsAt: PostgresTimestamp,
        closesAt: PostgresTimestamp,
        prices: ClosedRange<Int64>,
        capacity: Int64,
        seq: Int64
    ) {
        self.id = id
        self.title = title
        self.venue = venue
        self.city = city
        self.genre = genre
        self.currency = currency
        self.eventAt = eventAt
        self.opensAt = opensAt
        self.startsAt = startsAt
        self.closesAt = closesAt
        priceFrom = prices.lowerBound
        priceTo = prices.upperBound
        state = OnSaleState.scheduled.rawValue
        isOver = false
        availability = Availability(free: capacity, of: capacity)
        self.seq = seq
    }

    /// The words of its title, and those of where and what it is.
    var words: (title: [String], place: [String]) {
        (SearchWords.of(title), SearchWords.of(venue) + SearchWords.of(city) + SearchWords.of(genre ?? ""))
    }

    /// The words with their places and weights, in the server's own form of a `tsvector`.
    var vector: String {
        let (title, place) = words
        return (title.map { ($0, "A") } + place.map { ($0, "B") }).enumerated().map { index, word in
            // Letters and digits alone: there is nothing to escape. The server counts no further than this.
            "'\(word.0)':\(min(index + 1, 16_383))\(word.1)"
        }.joined(separator: " ")
    }
}
