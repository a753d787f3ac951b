package import Postgres

/// Checks the draws that were made, as an outsider would: from the entries and the revealed secret.
package enum DrawAudit {
    /// What doesn't fit, described; empty when all is well.
    package static func offenders(in postgres: PostgresClient) async throws -> [String] {
        let drawn = try await postgres.query(
            Query(
                "audit.draws",
                """
                SELECT o.on_sale_id, o.entries, o.entry_salt, o.draw_secret, o.commitment, o.root, o.draw_key,
                    d.beacon_value
                FROM on_sales o JOIN draws d USING (on_sale_id)
                WHERE o.drawn_at IS NOT NULL ORDER BY o.on_sale_id
                """
            )
        )
        var offenders: [String] = []
        for row in drawn {
            let id = OnSaleID(rawValue: try row[0])
            offenders += try await check(
                id,
                entries: try row[1],
                salt: try row[2],
                secret: try row[3],
                commitment: try row[4],
                root: try row[5],
                key: try row[6],
                beacon: try row[7],
                in: postgres
            )
        }
        return offenders
    }

    private static func check(
        _ id: OnSaleID,
        entries: Int64,
        salt: [UInt8],
        secret: [UInt8]?,
        commitment: [UInt8],
        root: [UInt8],
        key: [UInt8],
        beacon: [UInt8]?,
        in postgres: PostgresClient
    ) async throws -> [String] {
        if let secret, Commitment.to(secret) != commitment {
            return ["on-sale \(id): the secret isn't what was committed to"]
        }
        do {
            let leaves = try await Sealing.leaves(of: id, entries: entries, salt: salt, in: postgres)
            guard MerkleTree(leaves: leaves).root == root else {
                return ["on-sale \(id): the entries are not those that were sealed"]
            }
        } catch DrawProblem.missingEntry(let arrival) {
            return ["on-sale \(id): the place that arrived as \(arrival) is missing from the sealed entries"]
        }
        guard DrawKey.derive(secret: secret ?? [], beacon: beacon, root: root) == key else {
            return ["on-sale \(id): the key does not follow from secret and entries"]
        }
        let priorities = try await DrawCeremony.priorities(of: id, in: postgres)
        let order = DrawOrder(key: key, count: Int(entries), priorities: priorities)
        return try await postgres.query(
            Query(
                "audit.numbered",
                "SELECT arrival, number FROM places WHERE on_sale_id = \(id.rawValue) AND number IS NOT NULL"
            )
        ).compactMap { row in
            let arrival: Int64 = try row[0]
            let number: Int64 = try row[1]
            guard order.number(ofArrival: arrival) != number else { return nil }
            return "on-sale \(id): the place that arrived as \(arrival) has number \(number), "
                + "but was drawn as \(order.number(ofArrival: arrival))"
        }.prefix(20).map(\.self)
    }
}
