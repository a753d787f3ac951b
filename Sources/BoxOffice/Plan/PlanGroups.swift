/// Reads whom a sale goes to first.
enum PlanGroups {
    static func read(_ fields: PlanFields) -> [BuyerGroup]? {
        guard fields.has("groups") else { return [] }
        guard let entries = fields.list("groups") else { return nil }
        if entries.count > 20 { fields.issues.add(fields.at("groups"), "must be at most 20") }
        var seen: Set<String> = []
        let groups = entries.compactMap { entry -> BuyerGroup? in
            let accepted = ["id", "name", "priority", "max_per_buyer"]
            guard
                let fields = PlanFields(
                    entry.value,
                    at: entry.path,
                    accepting: accepted,
                    issues: fields.issues
                )
            else { return nil }
            let id = fields.identifier("id")
            let name = fields.has("name") ? fields.string("name") : id
            let priority = fields.integer("priority", in: 1...9)
            let limit = fields.has("max_per_buyer") ? fields.integer("max_per_buyer", in: 1...100) : nil
            guard let id, let name, let priority else { return nil }
            if !seen.insert(id).inserted {
                fields.issues.add(fields.at("id"), "\"\(id)\" is used by another group")
            }
            return BuyerGroup(id: id, name: name, priority: priority, maxPerBuyer: limit)
        }
        return groups.count == entries.count ? groups : nil
    }

    /// Notes tiers that are for groups which the plan does not have.
    static func check(
        _ tiers: [Plan.Tier],
        _ groups: [BuyerGroup],
        _ schedule: Plan.Schedule?,
        _ fields: PlanFields
    ) {
        let known = groups.map(\.id)
        for (index, tier) in tiers.enumerated() {
            for id in tier.onlyFor where !known.contains(id) {
                let accepted =
                    known.isEmpty ? "the plan has no groups" : "accepted: \(known.joined(separator: ", "))"
                fields.issues.add("tiers[\(index)].only_for", "\"\(id)\" is no group; \(accepted)")
            }
            if let publicAt = tier.publicAt, let schedule, publicAt >= schedule.closesAt {
                fields.issues.add(
                    "tiers[\(index)].public_at",
                    "(\(publicAt)) must be before closes_at (\(schedule.closesAt))"
                )
            }
        }
    }
}
