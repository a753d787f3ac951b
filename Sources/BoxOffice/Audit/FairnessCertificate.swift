package import Postgres

/// How an on-sale went, for everyone to see: its draw, every decision that people took, and the books.
package struct FairnessCertificate: Sendable {
    /// How the line moved.
    package struct Line: Sendable, Equatable {
        /// Places that were taken.
        package let joined: Int64
        /// Of those that were called, how many had not left.
        package let called: Int64
        package let admitted: Int64
        /// Turns that ended without anybody coming; counted once a turn is over.
        package let missed: Int64
        /// Sessions of places whose number was never called: there must be none.
        package let admittedAhead: Int64
        /// Turns that were given again to those who had missed theirs.
        package let calledAgain: Int64
        /// Came in from the waitlist, for what came back.
        package let fromWaitlist: Int64
    }

    /// What became of a price level.
    package struct Tier: Sendable, Equatable {
        package let id: String
        package let name: String
        package let capacity: Int64
        package let sold: Int64
        package let refunded: Int64
        /// Held or being paid.
        package let live: Int64

        /// Tickets beyond what there was: there must be none.
        package var oversold: Int64 { max(0, sold + live - capacity) }
    }

    /// A decision, or a step of the plan's own course, in the chain of the audit.
    package struct Entry: Sendable, Equatable {
        package let ordinal: Int
        package let recordedAt: PostgresTimestamp
        package let actor: String
        package let action: String
        /// JSON, as it was hashed.
        package let detail: String
        package let hash: [UInt8]
        /// Whether the hash follows from the entry and the one before.
        package let isWhole: Bool
    }

    package let onSale: OnSaleStatus
    package let line: Line
    package let tiers: [Tier]
    package let entries: [Entry]

    /// Whether nothing can change any more.
    package var isFinal: Bool {
        (onSale.state == .closed || onSale.state == .cancelled) && tiers.allSatisfy { $0.live == 0 }
    }

    /// Whether the chain has all its entries, unchanged.
    package var isChainWhole: Bool {
        entries.allSatisfy(\.isWhole)
            && entries.enumerated().allSatisfy { $0.offset + 1 == $0.element.ordinal }
    }

    /// The decisions of people after the plan was filed: what a draw and a rate do not explain.
    package var exceptions: [Entry] {
        entries.filter { $0.actor != AuditTrail.usher && $0.action != "schedule" }
    }

    /// What breaks a promise, described; empty when all is well.
    package var violations: [String] {
        var violations: [String] = []
        for tier in tiers where tier.oversold > 0 {
            violations.append("tier \(tier.id) was oversold by \(tier.oversold)")
        }
        if line.admittedAhead > 0 {
            violations.append("\(line.admittedAhead) were let in whose number was not called")
        }
        if !isChainWhole { violations.append("the audit's chain is broken") }
        return violations
    }

    /// Reads all of it in one snapshot; nil when there is no such on-sale.
    package static func read(_ id: OnSaleID, in postgres: PostgresClient) async throws -> FairnessCertificate?
    {
        try await postgres.withTransaction(.init(isolation: .repeatableRead, readOnly: true)) { tx in
            guard let onSale = try await OnSaleStatus.find(id, in: tx) else { return nil }
            let answers = try await tx.pipeline([line(id), stock(id), chain(id)])
            guard let line = answers[0].first else { return nil }
            return FairnessCertificate(
                onSale: onSale,
                line: Line(
                    joined: try line[0],
                    called: try line[1],
                    admitted: try line[2],
                    missed: try line[3],
                    admittedAhead: try line[4],
                    calledAgain: try line[5],
                    fromWaitlist: try line[6]
                ),
                tiers: try answers[1].map { row in
                    Tier(
                        id: try row[0],
                        name: try row[1],
                        capacity: try row[2],
                        sold: try row[3],
                        refunded: try row[4],
                        live: try row[5]
                    )
                },
                entries: try answers[2].map { row in
                    Entry(
                        ordinal: try row[0],
                        recordedAt: try row[1],
                        actor: try row[2],
                        action: try row[3],
                        detail: try row[4],
                        hash: try row[5],
                        isWhole: try row[6]
                    )
                }
            )
        }
    }

    /// Uses the primary keys of `arrivals`, `turns` and `reoffers`, and `admissions_one_per_place`.
    private static func line(_ id: OnSaleID) -> Query {
        Query(
            "certificate.line",
            """
            SELECT a.issued, coalesce(t.called, 0)::bigint, s.admitted, coalesce(t.missed, 0)::bigint, s.ahead,
                again.missed, again.waitlist
            FROM arrivals a JOIN on_sales o USING (on_sale_id),
                (SELECT sum(called) AS called, sum(missed) AS missed FROM turns WHERE on_sale_id = \(id.rawValue)) t,
                (SELECT count(*) AS admitted, count(*) FILTER (WHERE number > (
                        SELECT serving FROM on_sales WHERE on_sale_id = \(id.rawValue)) AND (
                        SELECT true FROM reoffers r WHERE r.on_sale_id = \(id.rawValue) AND r.arrival = m.arrival
                            AND r.kind = 'waitlist' AND r.came LIMIT 1) IS NULL) AS ahead
                    FROM admissions m WHERE on_sale_id = \(id.rawValue)) s,
                (SELECT count(*) FILTER (WHERE kind = 'missed' AND called_at IS NOT NULL) AS missed,
                        count(*) FILTER (WHERE kind = 'waitlist' AND came) AS waitlist
                    FROM reoffers WHERE on_sale_id = \(id.rawValue)) again
            WHERE a.on_sale_id = \(id.rawValue) AND o.on_sale_id = \(id.rawValue)
            """
        )
    }

    /// From the reservations, not from the tiers' own books.
    ///
    /// Uses `reservations_by_admission`.
    private static func stock(_ id: OnSaleID) -> Query {
        Query(
            "certificate.stock",
            """
            SELECT t.id, t.name, t.capacity::bigint, coalesce(r.sold, 0)::bigint, coalesce(r.refunded, 0)::bigint,
                coalesce(r.live, 0)::bigint
            FROM tiers t LEFT JOIN (
                SELECT tier, sum(quantity) FILTER (WHERE state = 'sold') AS sold,
                    sum(quantity) FILTER (WHERE state = 'refunded') AS refunded,
                    sum(quantity) FILTER (WHERE state IN ('held', 'paying')) AS live
                FROM all_reservations WHERE on_sale_id = \(id.rawValue) GROUP BY tier
            ) r ON r.tier = t.id
            WHERE t.on_sale_id = \(id.rawValue) ORDER BY t.ordinal
            """
        )
    }

    /// Uses the primary key of `audit_entries`.
    private static func chain(_ id: OnSaleID) -> Query {
        Query(
            "certificate.chain",
            """
            SELECT ordinal, recorded_at, actor, action, detail, hash, hash = audit_hash(
                coalesce(lag(hash) OVER (ORDER BY ordinal), ''), on_sale_id, ordinal, recorded_at, actor, action, detail)
            FROM audit_entries WHERE on_sale_id = \(id.rawValue) ORDER BY ordinal
            """
        )
    }
}
