internal import Foundation
internal import Postgres

/// What the database says about a batch of requests before any ticket is touched.
struct HoldFacts: Sendable {
    struct Rules: Sendable, Equatable {
        var maxPerBuyer: Int
        var holdSeconds: Int
        /// Whether everything stands still.
        var isStopped = false
    }

    struct Tier: Sendable, Equatable {
        var price: Int64
        var currency: String
        var numbered: Bool
        /// The groups that may buy of it; empty is everybody.
        var onlyFor: [Int] = []
    }

    /// What a session says of its buyer.
    struct Member: Sendable, Equatable {
        var group: Int
        /// What the group may have, if that is not what everybody may.
        var limit: Int?
    }

    struct Answered: Sendable, Equatable {
        var bodyHash: String
        var outcome: HoldOutcome
    }

    struct KeyName: Sendable, Hashable {
        var admission: Int64
        var key: String
    }

    var now = PostgresTimestamp(microseconds: 0)
    /// The on-sale of each admission session that is live.
    var live: [Int64: Int64] = [:]
    var members: [Int64: Member] = [:]
    /// How many tickets the buyer of each session holds or has bought.
    var has: [Int64: Int] = [:]
    var answered: [KeyName: Answered] = [:]
    var rules: [Int64: Rules] = [:]
    var tiers: [TierKey: Tier] = [:]

    /// How many tickets the buyer of a session may have.
    func limit(of admission: Int64, onSale: Int64) -> Int {
        members[admission]?.limit ?? rules[onSale]?.maxPerBuyer ?? 0
    }

    /// Whether the buyer of a session may buy of a tier.
    func isOpen(_ key: TierKey, to admission: Int64) -> Bool {
        guard let onlyFor = tiers[key]?.onlyFor, !onlyFor.isEmpty else { return true }
        return members[admission].map { onlyFor.contains($0.group) } ?? false
    }

    /// Reads the facts.
    ///
    /// Locks the sessions first: from there on nobody else holds for these buyers, so that what the later
    /// statements count stays true until the commit.
    static func read(_ requests: [HoldRequest], in transaction: inout Transaction) async throws -> HoldFacts {
        let admissions = Array(Set(requests.map(\.admission.rawValue))).sorted()
        let onSales = Array(Set(requests.map(\.onSale.rawValue))).sorted()
        let keyed = requests.compactMap { request in
            request.idempotency.map { (request.admission.rawValue, $0.key) }
        }
        let results = try await transaction.pipeline([
            lockAdmissions(admissions), count(onSales, admissions), rules(onSales), tiers(onSales),
            answers(keyed.map(\.0), keyed.map(\.1)),
        ])
        var facts = HoldFacts()
        for row in results[0] where try row[2] {
            facts.live[try row[0]] = try row[1] as Int64
            facts.members[try row[0]] = Member(group: try row[3], limit: try row[4])
        }
        for row in results[1] { facts.has[try row[0]] = try row[1] as Int }
        for row in results[2] {
            facts.now = try row[3]
            facts.rules[try row[0]] = Rules(
                maxPerBuyer: try row[1],
                holdSeconds: try row[2],
                isStopped: try row[4]
            )
        }
        for row in results[3] {
            let key = TierKey(onSale: try row[0], tier: try row[1])
            facts.tiers[key] = Tier(
                price: try row[2],
                currency: try row[3],
                numbered: try row[4],
                onlyFor: (try row[5] as [Int16]).map(Int.init)
            )
        }
        for row in results[4] {
            let response: JSONB = try row[3]
            let outcome = try JSONDecoder().decode(HoldOutcome.self, from: Data(response.bytes))
            facts.answered[KeyName(admission: try row[0], key: try row[1])] = Answered(
                bodyHash: try row[2],
                outcome: outcome
            )
        }
        return facts
    }

    /// Uses the primary key of `admissions`.
    ///
    /// A session that ends is updated, so it ends before or after this batch.
    private static func lockAdmissions(_ ids: [Int64]) -> Query {
        Query(
            "hold.lock_admissions",
            """
            SELECT admission_id, on_sale_id, ended_at IS NULL, group_ordinal, max_per_buyer
            FROM admissions WHERE admission_id = ANY (\(ids))
            ORDER BY admission_id
            FOR NO KEY UPDATE
            """
        )
    }

    /// Uses `reservations_by_admission`.
    ///
    /// Each session is looked up by itself: a plan made while nothing is held yet would read all that the on-sale holds.
    private static func count(_ onSales: [Int64], _ admissions: [Int64]) -> Query {
        Query(
            "hold.count",
            """
            SELECT a.id, sum(r.quantity)
            FROM unnest(\(admissions)) AS a (id) CROSS JOIN LATERAL (
                SELECT quantity FROM reservations
                WHERE on_sale_id = ANY (\(onSales)) AND admission_id = a.id AND state IN ('held', 'paying', 'sold')
                OFFSET 0
            ) AS r
            GROUP BY a.id
            """
        )
    }

    private static func rules(_ onSales: [Int64]) -> Query {
        Query(
            "hold.rules",
            """
            SELECT r.on_sale_id, r.max_per_buyer, r.hold_seconds, usher_now(), coalesce(o.stopped, false)
            FROM reservation_rules r LEFT JOIN on_sales o USING (on_sale_id) WHERE r.on_sale_id = ANY (\(onSales))
            """
        )
    }

    private static func tiers(_ onSales: [Int64]) -> Query {
        Query(
            "hold.tiers",
            "SELECT on_sale_id, id, price, currency, numbered, only_for FROM tiers WHERE on_sale_id = ANY (\(onSales))"
        )
    }

    /// Uses the primary key of `idempotency_keys`.
    private static func answers(_ admissions: [Int64], _ keys: [String]) -> Query {
        Query(
            "hold.answers",
            """
            SELECT i.admission_id, i.key, i.body_hash, i.response
            FROM idempotency_keys AS i
            JOIN unnest(\(admissions), \(keys)) AS k (admission_id, key)
                ON i.admission_id = k.admission_id AND i.key = k.key
            WHERE i.route = \(HoldBatch.route)
            """
        )
    }
}
