/// Reads the sections of a plan.
struct PlanSections {
    /// The ids that a section may name as its tier; nil when the tiers themselves couldn't be read.
    let tiers: [String]?
    let issues: PlanIssues

    func read(_ fields: PlanFields) -> [Plan.Section]? {
        guard let entries = fields.list("sections") else { return nil }
        var seen: Set<String> = []
        let sections = entries.compactMap { entry -> Plan.Section? in
            let accepted = ["id", "name", "tier", "capacity", "standing", "rows", "focus"]
            guard let fields = PlanFields(entry.value, at: entry.path, accepting: accepted, issues: issues)
            else {
                return nil
            }
            let id = fields.identifier("id")
            let name = fields.has("name") ? fields.string("name") : id
            let tier = tier(fields)
            let room = room(fields)
            let focus = fields.value("focus").flatMap { self.focus($0, at: fields.at("focus"), of: room) }
            guard let id, let name, let tier, let room else { return nil }
            if !seen.insert(id).inserted {
                issues.add(fields.at("id"), "\"\(id)\" is used by another section")
            }
            let section = Plan.Section(id: id, name: name, tier: tier, room: room, focus: focus)
            checkCapacity(of: section, fields)
            return section
        }
        return sections.count == entries.count ? sections : nil
    }

    private func tier(_ fields: PlanFields) -> String? {
        guard let tier = fields.identifier("tier") else { return nil }
        if let tiers, !tiers.contains(tier) {
            let known = tiers.map { "\"\($0)\"" }.joined(separator: ", ")
            issues.add(fields.at("tier"), "\"\(tier)\" is not a tier of this plan; accepted: \(known)")
        }
        return tier
    }

    private func room(_ fields: PlanFields) -> Plan.Room? {
        switch (fields.has("standing"), fields.has("rows")) {
        case (true, false): return fields.integer("standing", in: 1...1_000_000).map { .standing($0) }
        case (false, true): return rows(fields).map { .seated($0) }
        default:
            issues.add(fields.path, "must have either standing (how many) or rows (a list), not both")
            return nil
        }
    }

    /// Nil, with a note, unless it is a seat of the section.
    private func focus(_ value: PlanValue, at path: String, of room: Plan.Room?) -> Plan.Focus? {
        guard let fields = PlanFields(value, at: path, accepting: ["row", "seat"], issues: issues) else {
            return nil
        }
        let row = fields.identifier("row")
        let seat = fields.integer("seat", in: 1...1000)
        guard let row, let seat, let room else { return nil }
        guard case .seated(let rows) = room else {
            issues.add(path, "is for a section with rows; this one is standing")
            return nil
        }
        guard let found = rows.first(where: { $0.label == row }) else {
            let known = rows.map { "\"\($0.label)\"" }.joined(separator: ", ")
            issues.add(fields.at("row"), "\"\(row)\" is not a row of this section; accepted: \(known)")
            return nil
        }
        guard found.seats.contains(where: { $0.number == seat }) else {
            let known = found.seats.map { "\($0.number)" }.joined(separator: ", ")
            issues.add(fields.at("seat"), "there is no seat \(seat) in row \"\(row)\"; accepted: \(known)")
            return nil
        }
        return Plan.Focus(row: row, seat: seat)
    }

    private func checkCapacity(of section: Plan.Section, _ fields: PlanFields) {
        guard fields.has("capacity"), let declared = fields.integer("capacity", in: 1...1_000_000) else {
            return
        }
        if declared != section.capacity {
            issues.add(fields.at("capacity"), "says \(declared), but the section holds \(section.capacity)")
        }
    }

    private func rows(_ fields: PlanFields) -> [Plan.Row]? {
        guard let entries = fields.list("rows") else { return nil }
        var seen: Set<String> = []
        let groups = entries.compactMap { entry -> [Plan.Row]? in
            let accepted = ["row", "seats", "accessible"]
            guard let fields = PlanFields(entry.value, at: entry.path, accepting: accepted, issues: issues)
            else {
                return nil
            }
            let labels = fields.required(
                "row",
                "a row such as \"A\", or a span of rows such as \"A-M\" or \"1-15\""
            ) {
                RowSpan.labels($0)
            }
            let seats = fields.required(
                "seats",
                "a count such as 22, or spans of numbers such as \"1-11,14-24\""
            ) {
                SeatSpan.numbers($0)
            }
            let accessible = fields.has("accessible") ? accessible(fields, among: seats) : []
            guard let labels, let seats, let accessible else { return nil }
            for label in labels where !seen.insert(label).inserted {
                issues.add(fields.at("row"), "row \"\(label)\" is in this section already")
            }
            let row = seats.map { Plan.Seat(number: $0, accessible: accessible.contains($0)) }
            return labels.map { Plan.Row(label: $0, seats: row) }
        }
        return groups.count == entries.count ? groups.flatMap(\.self) : nil
    }

    private func accessible(_ fields: PlanFields, among seats: [Int]?) -> Set<Int>? {
        let numbers = fields.required("accessible", "seat numbers such as \"1-4\"") { SeatSpan.numbers($0) }
        guard let numbers, let seats else { return nil }
        for number in numbers where !seats.contains(number) {
            issues.add(fields.at("accessible"), "there is no seat \(number) in this row")
        }
        return Set(numbers)
    }
}
