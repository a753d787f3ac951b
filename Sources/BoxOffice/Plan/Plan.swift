package import Postgres

/// What a promoter files: the event, when and how fast it sells, and every place there is to sell.
package struct Plan: Sendable, Equatable {
    package var title: String
    package var venue: String
    package var city: String
    /// ISO 4217, for every price.
    package var currency: String
    package var schedule: Schedule
    package var rules: AdmissionRules
    package var reservations: ReservationRules
    package var tiers: [Tier]
    package var sections: [Section]
    /// Whom the waiting room takes.
    package var buyers = Buyers.anonymous
    /// Whom it goes to first.
    package var groups: [BuyerGroup] = []
    /// Whether only members of a group may join.
    package var isInvitationOnly = false
    /// How those who come before the start are put in order.
    package var draw = DrawTerms.plain
    /// What is played, in a word or two, for those who look around.
    package var genre: String?
    /// When it takes place.
    package var eventAt: PostgresTimestamp?

    /// How many tickets there are in all.
    package var capacity: Int { sections.reduce(0) { $0 + $1.capacity } }

    /// How many tickets a tier has.
    package func capacity(ofTier id: String) -> Int {
        sections.filter { $0.tier == id }.reduce(0) { $0 + $1.capacity }
    }
}

extension Plan {
    /// Whom the waiting room takes.
    package enum Buyers: String, Sendable, CaseIterable, PostgresEncodable, PostgresDecodable {
        /// Anyone with a secret of their own, and whom the promoter vouches for: one place for each secret.
        case anonymous
        /// Only those whom the promoter vouches for: one place for each of them.
        case proven
    }

    /// When things happen.
    package struct Schedule: Sendable, Equatable {
        /// The waiting room opens; everyone who joins from here on is drawn.
        package var opensAt: PostgresTimestamp
        /// The draw is made and admission begins; whoever joins later comes after the drawn.
        package var startsAt: PostgresTimestamp
        /// Nobody is called any more.
        package var closesAt: PostgresTimestamp
    }

    /// How fast, and how many at once.
    package struct AdmissionRules: Sendable, Equatable {
        package var ratePerMinute: Int
        package var activeLimit: Int
        package var turnSeconds: Int
        package var sessionSeconds: Int
        /// How often a buyer who missed the turn gets another.
        package var reofferLimit = 1
        /// How long after it a missed turn can be asked for again.
        package var reofferSeconds = 600
    }

    /// How holds and payments go.
    package struct ReservationRules: Sendable, Equatable {
        package var maxPerBuyer: Int
        package var holdSeconds: Int
        package var extensionSeconds: Int
        package var extensionLimit: Int
        package var paymentSeconds: Int
        package var graceSeconds: Int
        package var paymentLimit: Int
    }

    /// A price level: numbered seats or standing room, never both.
    package struct Tier: Sendable, Equatable {
        package var id: String
        package var name: String
        /// In minor units of the plan's currency.
        package var price: Int
        /// Whether its tickets are seats.
        package var numbered: Bool
        /// The groups that may buy of it; empty is everybody.
        package var onlyFor: [String] = []
        /// When it opens to everybody; nil is never.
        package var publicAt: PostgresTimestamp?
    }

    /// A block of the house.
    package struct Section: Sendable, Equatable {
        package var id: String
        package var name: String
        package var tier: String
        package var room: Room
        /// Where its best seat is; nil is the middle of the front row.
        package var focus: Focus?

        package var capacity: Int {
            switch room {
            case .standing(let capacity): capacity
            case .seated(let rows): rows.reduce(0) { $0 + $1.seats.count }
            }
        }
    }

    /// The seat to which the nearest are best.
    package struct Focus: Sendable, Equatable {
        /// The label of its row.
        package var row: String
        /// The number on it.
        package var seat: Int
    }

    /// What a section consists of.
    package enum Room: Sendable, Equatable {
        case standing(Int)
        /// Rows from the front to the back.
        case seated([Row])
    }

    /// A row of numbered seats.
    package struct Row: Sendable, Equatable {
        package var label: String
        /// From one end to the other.
        ///
        /// Numbers that don't follow each other have an aisle between them.
        package var seats: [Seat]
    }

    /// A numbered seat.
    package struct Seat: Sendable, Equatable {
        package var number: Int
        package var accessible: Bool
    }
}
