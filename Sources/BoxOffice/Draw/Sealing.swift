internal import Postgres

/// Fixes who takes part in the draw, and makes it.
enum Sealing {
    /// How many entries are read at a time.
    private static let page = 20_000

    /// Fixes how many arrivals are drawn.
    ///
    /// The arrival row's lock waits for joins that hold a number and have not committed; whoever takes a number
    /// after this commit comes after the drawn.
    static func seal(_ id: OnSaleID, in tx: inout Transaction) async throws {
        let locked = try await tx.first(
            Query("draw.lock", "SELECT issued FROM arrivals WHERE on_sale_id = \(id.rawValue) FOR UPDATE")
        )
        guard let locked else { throw OnSaleProblem.unknown }
        let issued: Int64 = try locked[0]
        try await tx.execute(
            Query(
                "draw.seal",
                """
                UPDATE on_sales SET entries = \(issued), sealed_at = usher_now(), seq = seq + 1
                WHERE on_sale_id = \(id.rawValue)
                """
            )
        )
    }

    /// Computes the root and the key of a sealed on-sale, and begins admission.
    ///
    /// Writes one row.
    static func draw(_ id: OnSaleID, in tx: inout Transaction) async throws {
        let row = try await tx.first(
            Query(
                "draw.read",
                "SELECT entries, entry_salt, draw_secret FROM on_sales WHERE on_sale_id = \(id.rawValue)"
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        let tree = MerkleTree(leaves: try await leaves(of: id, entries: try row[0], salt: try row[1], in: tx))
        let key = DrawKey.derive(secret: try row[2], beacon: nil, root: tree.root)
        try await tx.execute(
            Query(
                "draw.publish",
                """
                UPDATE on_sales SET root = \(tree.root), draw_key = \(key), drawn_at = usher_now(),
                    state = 'admitting', ticked_at = usher_now(), seq = seq + 1
                WHERE on_sale_id = \(id.rawValue)
                """
            )
        )
    }

    /// The leaf hashes of all entries, end to end, in order of arrival.
    ///
    /// Uses the primary key of `places`.
    static func leaves(
        of id: OnSaleID,
        entries: Int64,
        salt: [UInt8],
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [UInt8] {
        var leaves: [UInt8] = []
        leaves.reserveCapacity(Int(entries) * Digest.length)
        var arrival: Int64 = 0
        while arrival < entries {
            let rows = try await database.query(
                Query(
                    "draw.entries",
                    """
                    SELECT arrival, id FROM places
                    WHERE on_sale_id = \(id.rawValue) AND arrival > \(arrival) AND arrival <= \(entries)
                    ORDER BY arrival LIMIT \(page)
                    """
                )
            )
            guard !rows.isEmpty else { throw DrawProblem.missingEntry(arrival + 1) }
            for row in rows {
                arrival += 1
                guard try row[0] == arrival, let place = PlaceID(bytes: try row[1] as [UInt8]) else {
                    throw DrawProblem.missingEntry(arrival)
                }
                let entry = DrawEntry(onSale: id, arrival: arrival, place: place)
                leaves += entry.leaf(blinding: entry.blinding(under: salt))
            }
        }
        return leaves
    }
}

/// Why a draw can't be made or doesn't check out.
package enum DrawProblem: Error, Sendable, Equatable {
    /// There is no place with this arrival number, though the seal says so.
    case missingEntry(Int64)
}
