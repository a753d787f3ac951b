/// Reads the price levels of a plan.
enum PlanTiers {
    static func read(_ fields: PlanFields) -> [Plan.Tier]? {
        guard let entries = fields.list("tiers") else { return nil }
        var seen: Set<String> = []
        let tiers = entries.compactMap { entry -> Plan.Tier? in
            guard
                let fields = PlanFields(
                    entry.value,
                    at: entry.path,
                    accepting: ["id", "name", "price", "only_for", "public_at"],
                    issues: fields.issues
                )
            else { return nil }
            let id = fields.identifier("id")
            let name = fields.string("name")
            let price = fields.integer("price", in: 0...100_000_000)
            let onlyFor = fields.identifiers("only_for")
            let publicAt = fields.has("public_at") ? fields.instant("public_at") : nil
            guard let id, let name, let price, let onlyFor else { return nil }
            if publicAt != nil, onlyFor.isEmpty {
                fields.issues.add(
                    fields.at("public_at"),
                    "is for tiers with only_for; the others are open to all"
                )
            }
            if !seen.insert(id).inserted {
                fields.issues.add(fields.at("id"), "\"\(id)\" is used by another tier")
            }
            return Plan.Tier(
                id: id,
                name: name,
                price: price,
                numbered: false,
                onlyFor: onlyFor,
                publicAt: publicAt
            )
        }
        return tiers.count == entries.count ? tiers : nil
    }

    /// Learns from the sections which tiers are seats; notes tiers that are both, and tiers nobody can buy.
    static func settle(_ tiers: inout [Plan.Tier]?, _ sections: [Plan.Section], _ fields: PlanFields) {
        guard let read = tiers else { return }
        for (index, tier) in read.enumerated() {
            let own = sections.filter { $0.tier == tier.id }
            let seated = own.filter { if case .seated = $0.room { true } else { false } }
            tiers?[index].numbered = !seated.isEmpty
            if own.isEmpty {
                fields.issues.add("tiers[\(index)]", "no section belongs to tier \"\(tier.id)\"")
            } else if !seated.isEmpty, seated.count < own.count {
                fields.issues.add(
                    "tiers[\(index)]",
                    "tier \"\(tier.id)\" has seated and standing sections; a tier must be one or the other"
                )
            }
        }
    }
}
