package import Postgres

/// Why a promoter's wish about groups can't be met.
package enum PresaleProblem: Error, Sendable, Equatable {
    /// The plan has no such group; these it has.
    case unknownGroup(accepted: [String])
}

/// What a promoter does with the groups of an on-sale.
///
/// Every change is audited with how many it was about, never with codes or identities.
package struct Presale: Sendable {
    /// How far a group's codes are used.
    package struct Counts: Sendable, Equatable {
        package let group: BuyerGroup
        package let codes: Int
        package let used: Int
        package let revoked: Int
        package let invited: Int
    }

    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Makes codes.
    ///
    /// They are told once: only their fingerprints are kept.
    ///
    /// - Throws: `OnSaleProblem`, ``PresaleProblem``, `PostgresError`.
    package func addCodes(
        _ count: Int,
        group: String,
        of id: OnSaleID,
        by actor: String
    ) async throws -> [String] {
        let codes = (0..<count).map { _ in PresaleCode.random() }
        try await changing(id, group, by: actor, "codes", count) { ordinal, salt, tx in
            let fingerprints = codes.compactMap { PresaleCode.fingerprint(of: $0, under: salt) }
            try await tx.execute(
                Query(
                    "presale.add_codes",
                    """
                    INSERT INTO presale_codes (on_sale_id, code, group_ordinal, created_at)
                    SELECT \(id.rawValue), code, \(ordinal), usher_now() FROM unnest(\(fingerprints)) AS k (code)
                    """
                )
            )
        }
        return codes
    }

    /// Invites buyers whom the promoter vouches for; those who are invited already belong to this group now.
    ///
    /// - Throws: `OnSaleProblem`, ``PresaleProblem``, `PostgresError`.
    package func invite(_ identities: [String], group: String, of id: OnSaleID, by actor: String) async throws
    {
        try await changing(id, group, by: actor, "invite", identities.count) { ordinal, salt, tx in
            let buyers = Set(identities).map { Buyer.proven($0).fingerprint(under: salt) }
            try await tx.execute(
                Query(
                    "presale.invite",
                    """
                    INSERT INTO invitations (on_sale_id, buyer, group_ordinal, created_at)
                    SELECT \(id.rawValue), buyer, \(ordinal), usher_now() FROM unnest(\(buyers)) AS k (buyer)
                    ORDER BY buyer
                    ON CONFLICT (on_sale_id, buyer) DO UPDATE SET group_ordinal = excluded.group_ordinal
                    """
                )
            )
        }
    }

    /// Takes back the codes of a group that nobody has used.
    ///
    /// - Returns: how many.
    /// - Throws: `OnSaleProblem`, ``PresaleProblem``, `PostgresError`.
    package func revokeCodes(group: String, of id: OnSaleID, by actor: String) async throws -> Int {
        try await postgres.withTransaction { tx in
            let (ordinal, _) = try await Self.find(group, of: id, in: &tx)
            let count = try await tx.execute(
                Query(
                    "presale.revoke",
                    """
                    UPDATE presale_codes SET revoked_at = usher_now()
                    WHERE on_sale_id = \(id.rawValue) AND group_ordinal = \(ordinal) AND used_at IS NULL
                        AND revoked_at IS NULL
                    """
                )
            )
            try await Self.audit("revoke_codes", group, count, on: id, by: actor, in: &tx)
            return count
        }
    }

    /// How far the codes of each group are used.
    ///
    /// - Throws: `PostgresError`.
    package func counts(of id: OnSaleID) async throws -> [Counts] {
        try await postgres.query(
            Query(
                "presale.counts",
                """
                SELECT g.id, g.name, g.priority, g.max_per_buyer, c.codes, c.used, c.revoked, i.invited
                FROM groups g,
                    LATERAL (SELECT count(*) AS codes, count(used_at) AS used, count(revoked_at) AS revoked
                        FROM presale_codes
                        WHERE on_sale_id = \(id.rawValue) AND group_ordinal = g.ordinal) c,
                    LATERAL (SELECT count(*) AS invited FROM invitations
                        WHERE on_sale_id = \(id.rawValue) AND group_ordinal = g.ordinal) i
                WHERE g.on_sale_id = \(id.rawValue) ORDER BY g.ordinal
                """
            )
        ).map { row in
            let group = BuyerGroup(
                id: try row[0],
                name: try row[1],
                priority: try row[2],
                maxPerBuyer: try row[3]
            )
            return Counts(
                group: group,
                codes: try row[4],
                used: try row[5],
                revoked: try row[6],
                invited: try row[7]
            )
        }
    }

    private func changing(
        _ id: OnSaleID,
        _ group: String,
        by actor: String,
        _ action: String,
        _ count: Int,
        _ change: (_ ordinal: Int, _ salt: [UInt8], inout Transaction) async throws -> Void
    ) async throws {
        try await postgres.withTransaction { tx in
            let (ordinal, salt) = try await Self.find(group, of: id, in: &tx)
            try await change(ordinal, salt, &tx)
            try await Self.audit(action, group, count, on: id, by: actor, in: &tx)
        }
    }

    private static func audit(
        _ action: String,
        _ group: String,
        _ count: Int,
        on id: OnSaleID,
        by actor: String,
        in tx: inout Transaction
    ) async throws {
        let detail: [String: PlanValue] = ["group": .string(group), "count": .integer(count)]
        try await AuditTrail.append(action, on: id, by: actor, detail: detail, in: &tx)
    }

    /// Locks the on-sale, which must not be over, and finds the group.
    private static func find(
        _ group: String,
        of id: OnSaleID,
        in tx: inout Transaction
    ) async throws -> (ordinal: Int, salt: [UInt8]) {
        let gate = try await OnSaleGate.lock(id, in: &tx)
        try gate.require([.scheduled, .prequeue, .admitting])
        let rows = try await tx.query(
            Query(
                "presale.group",
                """
                SELECT g.id, g.ordinal, o.entry_salt FROM on_sales o LEFT JOIN groups g USING (on_sale_id)
                WHERE o.on_sale_id = \(id.rawValue) ORDER BY g.ordinal
                """
            )
        )
        for row in rows where try row[0] == Optional(group) { return (try row[1], try row[2]) }
        throw PresaleProblem.unknownGroup(accepted: try rows.compactMap { try $0[0] })
    }
}
