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

    /// Publishes the root of a sealed on-sale's entries, and fixes until when the draw waits for what.
    static func publishRoot(
        _ id: OnSaleID,
        startsAt: PostgresTimestamp,
        in tx: inout Transaction
    ) async throws {
        let ceremony = try await DrawCeremony.read(id, in: &tx)
        let row = try await tx.first(
            Query(
                "draw.read",
                "SELECT entries, entry_salt, sealed_at FROM on_sales WHERE on_sale_id = \(id.rawValue)"
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        let (entries, sealedAt): (Int64, PostgresTimestamp) = (try row[0], try row[2])
        let groups = try await priorities(of: id, in: tx)
        var priorities: [UInt8]? = groups.isEmpty ? nil : []
        let leaves = try await Self.leaves(of: id, entries: entries, salt: try row[1], in: tx) { _, group in
            guard !groups.isEmpty else { return nil }
            let priority = groups[group] ?? UInt8(BuyerGroup.publicPriority)
            priorities?.append(priority)
            return priority
        }
        let root = MerkleTree(leaves: leaves).root
        // Asked for after the tree, which takes its time, and before the commit, which publishes it.
        let clock = try await tx.first(Query("draw.now", "SELECT usher_now()"))
        guard let now: PostgresTimestamp = try clock?[0] else { throw OnSaleProblem.unknown }
        let due = ceremony.due.flatMap { ceremony.terms.due(rootedAt: now, promised: $0) }
        var flags: [DrawCeremony.Flag] = []
        if sealedAt > startsAt + .seconds(60) { flags.append(.sealedLate) }
        if let due, due != ceremony.due { flags.append(.beaconMoved) }
        let beaconBy = due.map { $0.at + .seconds(ceremony.beaconWaitSeconds) } ?? now
        let revealBy = ceremony.keeper == .promoter ? now + .seconds(ceremony.revealSeconds) : nil
        try await tx.pipeline([
            Query(
                "draw.root",
                "UPDATE on_sales SET root = \(root), seq = seq + 1 WHERE on_sale_id = \(id.rawValue)"
            ),
            Query(
                "draw.rooted",
                """
                UPDATE draws SET rooted_at = \(now), reveal_by = \(revealBy), beacon_by = \(beaconBy),
                    beacon_round = coalesce(\(due?.round), beacon_round),
                    beacon_at = coalesce(\(due?.at), beacon_at), flags = \(flags.map(\.rawValue)),
                    priorities = \(priorities)
                WHERE on_sale_id = \(id.rawValue)
                """
            ),
        ])
        try await AuditTrail.append(
            "seal",
            on: id,
            by: AuditTrail.usher,
            detail: ["entries": .integer(Int(entries)), "root": .string(Hex.encode(root))],
            in: &tx
        )
    }

    /// Takes a beacon's value, unless there is one.
    static func take(_ id: OnSaleID, _ value: [UInt8], proof: String?) -> Query {
        Query(
            "draw.take_beacon",
            """
            UPDATE draws SET beacon_value = \(value), beacon_proof = \(proof), beacon_taken_at = usher_now()
            WHERE on_sale_id = \(id.rawValue) AND beacon_value IS NULL
            """
        )
    }

    /// Fixes the key of an on-sale whose root is published, with what was filed by now, and begins admission.
    ///
    /// Writes two rows.
    static func draw(_ id: OnSaleID, _ ceremony: DrawCeremony, in tx: inout Transaction) async throws {
        let row = try await tx.first(
            Query("draw.root_of", "SELECT root FROM on_sales WHERE on_sale_id = \(id.rawValue)")
        )
        guard let root: [UInt8] = try row?[0] else { throw OnSaleProblem.unknown }
        let key = DrawKey.derive(secret: ceremony.secret ?? [], beacon: ceremony.value, root: root)
        let flags = ceremony.flagsAtDraw.map(\.rawValue)
        try await tx.pipeline([
            Query(
                "draw.publish",
                """
                UPDATE on_sales SET draw_key = \(key), drawn_at = usher_now(), state = 'admitting',
                    ticked_at = usher_now(), seq = seq + 1
                WHERE on_sale_id = \(id.rawValue)
                """
            ),
            Query(
                "draw.flags",
                "UPDATE draws SET flags = \(flags) WHERE on_sale_id = \(id.rawValue)"
            ),
        ])
        try await AuditTrail.append(
            "draw",
            on: id,
            by: AuditTrail.usher,
            detail: [
                "key": .string(Hex.encode(key)), "flags": .array(flags.map { .string($0) }),
            ],
            in: &tx
        )
    }

    /// The priorities of the groups by their ordinals; empty without groups.
    private static func priorities(
        of id: OnSaleID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [Int: UInt8] {
        let rows = try await database.query(
            Query("draw.groups", "SELECT ordinal, priority FROM groups WHERE on_sale_id = \(id.rawValue)")
        )
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0[0], UInt8(try $0[1] as Int)) })
    }

    /// The leaf hashes of all entries of a root that is published, as they were then.
    static func leaves(
        of id: OnSaleID,
        entries: Int64,
        salt: [UInt8],
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [UInt8] {
        let priorities = try await DrawCeremony.priorities(of: id, in: database)
        return try await leaves(of: id, entries: entries, salt: salt, in: database) { arrival, _ in
            priorities.flatMap { arrival <= $0.count ? $0[Int(arrival) - 1] : nil }
        }
    }

    /// The leaf hashes of all entries, end to end, in order of arrival.
    ///
    /// Uses the primary key of `places`.
    private static func leaves(
        of id: OnSaleID,
        entries: Int64,
        salt: [UInt8],
        in database: borrowing some PostgresExecutor & ~Copyable,
        priority: (_ arrival: Int64, _ group: Int) -> UInt8?
    ) async throws -> [UInt8] {
        var leaves: [UInt8] = []
        leaves.reserveCapacity(Int(entries) * Digest.length)
        var arrival: Int64 = 0
        while arrival < entries {
            let rows = try await database.query(
                Query(
                    "draw.entries",
                    """
                    SELECT arrival, id, group_ordinal FROM places
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
                leaves += entry.leaf(
                    blinding: entry.blinding(under: salt),
                    priority: priority(arrival, try row[2])
                )
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
