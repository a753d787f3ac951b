internal import Postgres

/// Everything that the pages of an on-sale are made of: equal subjects make equal bytes.
package struct PageSubject: Sendable, Equatable {
    /// A price level.
    package struct Tier: Sendable, Equatable {
        let id: String
        let name: String
        let price: Int64
        let numbered: Bool
        let left: Availability
    }

    /// A block of numbered seats.
    package struct Section: Sendable, Equatable {
        let id: String
        let name: String
        let tier: String
        let left: Availability
        let rows: [Row]
    }

    /// A row of a section; it is the same whatever is sold.
    package struct Row: Sendable, Equatable {
        let label: String
        let numbers: [Int]
        let accessible: [Int]
    }

    let id: OnSaleID
    let title: String
    let venue: String
    let city: String
    /// What kind of evening it is, in the promoter's word; nil when they said nothing.
    let genre: String?
    /// When it takes place, likewise.
    let eventAt: PostgresTimestamp?
    let currency: String
    let opensAt: PostgresTimestamp
    let startsAt: PostgresTimestamp
    let closesAt: PostgresTimestamp
    /// As buyers are told it.
    let state: String
    /// What the promoter tells everybody.
    let message: String?
    let tiers: [Tier]
    let sections: [Section]

    /// - Parameters:
    ///   - facts: the on-sale.
    ///   - event: its genre and when it takes place, of its plan.
    ///   - seats: its numbered seats.
    init(
        _ facts: OnSaleStatus,
        _ event: (genre: String?, at: PostgresTimestamp?),
        _ seats: [SectionSeats]
    ) {
        genre = event.genre
        eventAt = event.at
        id = facts.id
        title = facts.title
        venue = facts.venue
        city = facts.city
        currency = facts.currency
        opensAt = facts.opensAt
        startsAt = facts.startsAt
        closesAt = facts.closesAt
        state = facts.publishedState
        message = facts.message
        tiers = facts.tiers.map { tier in
            Tier(
                id: tier.id,
                name: tier.name,
                price: tier.price,
                numbered: tier.numbered,
                left: Availability(free: tier.free, of: tier.capacity)
            )
        }
        sections = seats.map { section in
            let free = section.rows.reduce(0) { $0 + $1.states.utf8.count { $0 == UInt8(ascii: "f") } }
            return Section(
                id: section.id,
                name: section.name,
                tier: section.tier,
                left: Availability(
                    free: free,
                    of: section.rows.reduce(0) { $0 + $1.numbers.count }
                ),
                rows: section.rows.map {
                    Row(label: $0.label, numbers: $0.numbers, accessible: $0.accessible)
                }
            )
        }
    }
}
