internal import Postgres

/// Which group each buyer of a batch of joins belongs to: by a code, by an invitation, or by what the place says.
///
/// Codes are claimed before any number is taken, under their rows' locks and in their order, so that of two buyers
/// with one code one gets it whichever gateways they come through.
struct JoinGroups {
    /// Who joins with what.
    struct Wish {
        let onSale: OnSaleID
        let buyer: [UInt8]
        let code: [UInt8]?
        let hasGroups: Bool
        let needsGroup: Bool
    }

    private struct Key: Hashable {
        let onSale: OnSaleID
        let bytes: [UInt8]
    }

    private struct Code {
        let group: Int
        let buyer: [UInt8]?
        let isRevoked: Bool
    }

    private let wishes: [Wish]
    private var codes: [Key: Code] = [:]
    private var invited: [Key: Int] = [:]
    private var members: [Key: Int] = [:]

    init(_ wishes: [Wish]) { self.wishes = wishes.filter { $0.hasGroups } }

    var isEmpty: Bool { wishes.isEmpty }

    /// Codes and invitations, by their primary keys.
    var lookups: [Query] {
        let onSales = Set(wishes.map(\.onSale)).sorted()
        return onSales.flatMap { onSale -> [Query] in
            let own = wishes.filter { $0.onSale == onSale }
            return [
                Query(
                    "join.codes",
                    """
                    SELECT on_sale_id, code, group_ordinal, buyer, revoked_at IS NOT NULL FROM presale_codes
                    WHERE on_sale_id = \(onSale.rawValue) AND code = ANY (\(own.compactMap(\.code)))
                    """
                ),
                Query(
                    "join.invited",
                    """
                    SELECT on_sale_id, buyer, group_ordinal FROM invitations
                    WHERE on_sale_id = \(onSale.rawValue) AND buyer = ANY (\(own.map(\.buyer)))
                    """
                ),
            ]
        }
    }

    /// Takes in the answers to the lookups.
    mutating func learn(_ answers: some Sequence<[Row]>) throws {
        for (index, rows) in answers.enumerated() {
            for row in rows {
                let key = Key(onSale: OnSaleID(rawValue: try row[0]), bytes: try row[1])
                if index.isMultiple(of: 2) {
                    codes[key] = Code(group: try row[2], buyer: try row[3], isRevoked: try row[4])
                } else {
                    invited[key] = try row[2]
                }
            }
        }
    }

    /// A buyer who has a place belongs to the group that the place says.
    mutating func know(_ buyer: [UInt8], of onSale: OnSaleID, in group: Int) {
        members[Key(onSale: onSale, bytes: buyer)] = group
    }

    /// The statements that claim the codes of those who belong to no group yet, one per on-sale.
    var claims: [(onSale: OnSaleID, query: Query)] {
        let onSales = Set(wishes.map(\.onSale)).sorted()
        return onSales.compactMap { onSale in
            var seen: Set<[UInt8]> = []
            let wanted = wishes.compactMap { wish -> (code: [UInt8], buyer: [UInt8])? in
                guard wish.onSale == onSale, let text = wish.code, group(of: wish) == nil else { return nil }
                guard let code = codes[Key(onSale: onSale, bytes: text)], !code.isRevoked, code.buyer == nil,
                    seen.insert(text).inserted
                else { return nil }
                return (text, wish.buyer)
            }
            return wanted.isEmpty ? nil : (onSale, Self.claim(onSale, wanted))
        }
    }

    private static func claim(_ onSale: OnSaleID, _ wanted: [(code: [UInt8], buyer: [UInt8])]) -> Query {
        Query(
            "join.claim_codes",
            """
            WITH wanted AS MATERIALIZED (
                SELECT c.code, k.buyer
                FROM presale_codes c JOIN unnest(\(wanted.map(\.code)), \(wanted.map(\.buyer))) AS k (code, buyer)
                    USING (code)
                WHERE c.on_sale_id = \(onSale.rawValue) AND c.code = ANY (\(wanted.map(\.code)))
                    AND c.buyer IS NULL AND c.revoked_at IS NULL
                ORDER BY c.code FOR UPDATE OF c
            )
            UPDATE presale_codes c SET buyer = w.buyer, used_at = usher_now() FROM wanted w
            WHERE c.on_sale_id = \(onSale.rawValue) AND c.code = w.code
            RETURNING c.code, c.buyer
            """
        )
    }

    /// Takes in who got which code; whoever is not there was too late.
    mutating func take(_ rows: [Row], of onSale: OnSaleID) throws {
        for row in rows {
            let key = Key(onSale: onSale, bytes: try row[0])
            guard let code = codes[key] else { continue }
            codes[key] = Code(group: code.group, buyer: try row[1], isRevoked: false)
        }
    }

    /// The places of buyers who joined before they had a code, and what they become members of.
    var upgrades: [Query] {
        let onSales = Set(wishes.map(\.onSale)).sorted()
        return onSales.compactMap { onSale in
            let changed = wishes.compactMap { wish -> (buyer: [UInt8], group: Int)? in
                guard wish.onSale == onSale, members[Key(onSale: onSale, bytes: wish.buyer)] == 0,
                    let group = byCode(wish) ?? invited[Key(onSale: onSale, bytes: wish.buyer)]
                else { return nil }
                return (wish.buyer, group)
            }
            guard !changed.isEmpty else { return nil }
            return Query(
                "join.upgrade",
                """
                UPDATE places p SET group_ordinal = k.group_ordinal
                FROM unnest(\(changed.map(\.buyer)), \(changed.map(\.group))) AS k (buyer, group_ordinal)
                    CROSS JOIN LATERAL (
                        SELECT arrival FROM places WHERE on_sale_id = \(onSale.rawValue) AND buyer = k.buyer OFFSET 0
                    ) AS f
                WHERE p.on_sale_id = \(onSale.rawValue) AND p.arrival = f.arrival
                """
            )
        }
    }

    /// The group of a buyer, 0 for the public; why there is none.
    func settle(_ wish: Wish) -> (group: Int, refusal: JoinOutcome?) {
        if let group = group(of: wish) { return (group, nil) }
        if let text = wish.code {
            let code = codes[Key(onSale: wish.onSale, bytes: text)]
            return (0, code.map { $0.isRevoked ? .unknownCode : .codeUsed } ?? .unknownCode)
        }
        return (0, wish.needsGroup ? .groupRequired : nil)
    }

    /// Nil as long as the buyer is a member of none.
    private func group(of wish: Wish) -> Int? {
        let key = Key(onSale: wish.onSale, bytes: wish.buyer)
        if let group = members[key], group > 0 { return group }
        return byCode(wish) ?? invited[key]
    }

    private func byCode(_ wish: Wish) -> Int? {
        guard let text = wish.code, let code = codes[Key(onSale: wish.onSale, bytes: text)] else {
            return nil
        }
        return code.buyer == wish.buyer ? code.group : nil
    }
}
