internal import Postgres

/// Facts of an on-sale itself.
enum OnSaleFacts {
    /// It was filed.
    struct Scheduled: SaleFact {
        static let kind = "on_sale.scheduled"

        struct Tier: Encodable {
            let id: String
            let name: String
            /// In minor units.
            let price: Int
            let capacity: Int
        }

        let title: String
        let venue: String
        let city: String
        let currency: String
        let opensAt: String
        let startsAt: String
        let closesAt: String
        let capacity: Int
        let tiers: [Tier]
        let genre: String?
        let eventAt: String?

        enum CodingKeys: String, CodingKey {
            case title, venue, city, currency, capacity, tiers, genre
            case eventAt = "event_at"
            case opensAt = "opens_at"
            case startsAt = "starts_at"
            case closesAt = "closes_at"
        }

        init(_ plan: Plan) {
            title = plan.title
            venue = plan.venue
            city = plan.city
            currency = plan.currency
            opensAt = "\(plan.schedule.opensAt)"
            startsAt = "\(plan.schedule.startsAt)"
            closesAt = "\(plan.schedule.closesAt)"
            capacity = plan.capacity
            tiers = plan.tiers.map {
                Tier(id: $0.id, name: $0.name, price: $0.price, capacity: plan.capacity(ofTier: $0.id))
            }
            genre = plan.genre
            eventAt = plan.eventAt.map { "\($0)" }
        }
    }

    /// What was filed is otherwise now: what is absent is as before.
    struct Changed: SaleFact {
        static let kind = "on_sale.changed"

        let title: String?
        let venue: String?
        let city: String?
        let opensAt: String
        let startsAt: String
        let closesAt: String
        let genre: String?
        let eventAt: String?

        enum CodingKeys: String, CodingKey {
            case title, venue, city, genre
            case eventAt = "event_at"
            case opensAt = "opens_at"
            case startsAt = "starts_at"
            case closesAt = "closes_at"
        }

        init(_ patch: PlanPatch, _ schedule: Plan.Schedule) {
            title = patch.title
            venue = patch.venue
            city = patch.city
            opensAt = "\(schedule.opensAt)"
            startsAt = "\(schedule.startsAt)"
            closesAt = "\(schedule.closesAt)"
            genre = patch.genre
            eventAt = patch.eventAt.map { "\($0)" }
        }
    }

    /// The waiting room is open.
    struct Opened: BareFact {
        static let kind = "on_sale.opened"
    }

    /// The draw is made, and admission begins.
    struct Started: SaleFact {
        static let kind = "on_sale.started"
        /// How many places were drawn.
        let entries: Int64
    }

    /// Nobody is called; when it is stopped, nobody comes in or holds, either.
    struct Paused: SaleFact {
        static let kind = "on_sale.paused"
        let reason: String?
        let stopped: Bool
    }

    /// It goes on.
    struct Resumed: SaleFact {
        static let kind = "on_sale.resumed"
        let pausedSeconds: Int64

        enum CodingKeys: String, CodingKey {
            case pausedSeconds = "paused_seconds"
        }
    }

    /// So many may be called in a minute.
    struct RateChanged: SaleFact {
        static let kind = "on_sale.rate_changed"
        let from: Int
        let to: Int
    }

    /// Buyers are told something, or nothing any more.
    struct MessageChanged: SaleFact {
        static let kind = "on_sale.message_changed"
        let message: String?
    }

    /// Every ticket is sold; what comes back goes to the waitlist.
    struct SoldOut: BareFact {
        static let kind = "on_sale.sold_out"
    }

    /// Its time is over.
    struct Closed: BareFact {
        static let kind = "on_sale.closed"
    }

    /// It was called off.
    struct Cancelled: SaleFact {
        static let kind = "on_sale.cancelled"
        let reason: String?
    }
}
