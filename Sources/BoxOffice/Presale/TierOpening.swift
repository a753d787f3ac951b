internal import Postgres

/// Opens tiers that were for some groups to everybody, when their time has come.
enum TierOpening {
    /// Opens those that are due.
    ///
    /// The caller has the on-sale's lock. Uses the primary key of `tiers`.
    ///
    /// - Returns: when the next one is due; nil when none is left.
    static func openDue(_ gate: OnSaleGate, in tx: inout Transaction) async throws -> PostgresTimestamp? {
        let id = gate.id
        let rows = try await tx.query(
            Query(
                "tiers.openings",
                """
                SELECT id, public_at FROM tiers
                WHERE on_sale_id = \(id.rawValue) AND public_at IS NOT NULL ORDER BY public_at, id
                """
            )
        )
        let openings: [(tier: String, at: PostgresTimestamp)] = try rows.map { (try $0[0], try $0[1]) }
        let due = openings.filter { $0.at <= gate.now }
        guard !due.isEmpty else { return openings.first?.at }
        try await tx.pipeline([
            Query(
                "tiers.open",
                """
                UPDATE tiers SET only_for = '{}', public_at = NULL
                WHERE on_sale_id = \(id.rawValue) AND id = ANY (\(due.map(\.tier)))
                """
            ),
            Query(
                "on_sale.tiers_opened",
                "UPDATE on_sales SET seq = seq + 1 WHERE on_sale_id = \(id.rawValue)"
            ),
        ])
        for opening in due {
            let detail: [String: PlanValue] = ["tier": .string(opening.tier)]
            try await AuditTrail.append("open_tier", on: id, by: AuditTrail.usher, detail: detail, in: &tx)
        }
        return openings.first { $0.at > gate.now }?.at
    }
}
