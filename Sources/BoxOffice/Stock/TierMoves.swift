internal import Postgres

/// Where a ticket can be: the columns of a tier's books.
enum TierColumn: Int, CaseIterable, Sendable {
    case free, withheld, held, paying, sold
}

/// Names a tier among all on-sales, in the order in which tiers are locked.
struct TierKey: Hashable, Comparable, Sendable {
    var onSale: Int64
    var tier: String

    /// The order of the columns' collation, which is that of the bytes.
    static func < (left: Self, right: Self) -> Bool {
        if left.onSale != right.onSale { return left.onSale < right.onSale }
        return left.tier.utf8.lexicographicallyPrecedes(right.tier.utf8)
    }
}

/// Tickets that go from one column of their tier's books to another.
///
/// Gathered over a whole batch and written as one statement, because tier rows are what everybody waits for: they
/// are locked last, in order, and each is updated once.
struct TierMoves: Sendable {
    private var changes: [TierKey: [Int]] = [:]

    mutating func move(_ quantity: Int, of key: TierKey, from: TierColumn, to: TierColumn) {
        guard from != to else { return }
        changes[key, default: Array(repeating: 0, count: TierColumn.allCases.count)][from.rawValue] -=
            quantity
        changes[key, default: []][to.rawValue] += quantity
    }

    /// The statements that lock the tiers in order and change them.
    ///
    /// Run them last in the transaction.
    ///
    /// `locked`: whether the transaction has the locks already.
    func statements(locked: Bool = false) -> [Query] {
        let keys = changes.keys.sorted()
        guard !keys.isEmpty else { return [] }
        return locked ? [update(keys)] : [Self.lock(keys), update(keys)]
    }

    private func update(_ keys: [TierKey]) -> Query {
        let columns = TierColumn.allCases.map { column in
            keys.map { changes[$0, default: []][column.rawValue] }
        }
        return Query(
            "tiers.move",
            """
            UPDATE tiers AS t
            SET free = t.free + d.free, withheld = t.withheld + d.withheld, held = t.held + d.held,
                paying = t.paying + d.paying, sold = t.sold + d.sold
            FROM unnest(\(keys.map(\.onSale)), \(keys.map(\.tier)), \(columns[0]), \(columns[1]), \(columns[2]),
                        \(columns[3]), \(columns[4]))
                AS d (on_sale_id, id, free, withheld, held, paying, sold)
            WHERE t.on_sale_id = d.on_sale_id AND t.id = d.id
            """
        )
    }

    /// Locks all tiers of the on-sales concerned, in order, whichever of them are asked for.
    ///
    /// A cohort runs several steps in one transaction. If each locked only its own tiers, two cohorts could take the
    /// same two tiers in opposite orders; so the first step takes all, and the later ones have them.
    ///
    /// Uses their primary key.
    static func lock(_ keys: [TierKey]) -> Query {
        Query(
            "tiers.lock",
            """
            SELECT t.on_sale_id, t.id, t.free
            FROM tiers AS t
            WHERE t.on_sale_id = ANY (\(Set(keys.map(\.onSale)).sorted()))
            ORDER BY t.on_sale_id, t.id
            FOR NO KEY UPDATE OF t
            """
        )
    }
}
