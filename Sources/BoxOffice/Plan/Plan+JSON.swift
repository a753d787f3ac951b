internal import Foundation
internal import Postgres

extension Plan {
    static let fields = [
        "title", "venue", "city", "currency", "opens_at", "starts_at", "closes_at", "rate_per_minute",
        "active_limit", "turn_seconds", "session_seconds", "reoffer_limit", "reoffer_seconds",
        "max_per_buyer", "hold_seconds",
        "extension_seconds",
        "extension_limit", "payment_seconds", "grace_seconds", "payment_limit", "capacity", "tiers",
        "sections", "buyers", "draw", "groups", "invitation_only", "genre", "event_at",
    ]

    /// Reads a filed plan.
    ///
    /// - Parameter json: UTF-8.
    /// - Throws: `PlanError` with everything that is wrong, each with its place in the JSON.
    package init(json: [UInt8]) throws(PlanError) {
        let issues = PlanIssues()
        let value = try PlanValue(json: json)
        let plan = Plan.read(value, issues)
        try issues.check()
        guard let plan else { throw PlanError(issues: [.init(path: "", message: "can't be read")]) }
        self = plan
    }

    private static func read(_ value: PlanValue, _ issues: PlanIssues) -> Plan? {
        guard let fields = PlanFields(value, at: "", accepting: Plan.fields, issues: issues) else {
            return nil
        }
        let title = fields.string("title")
        let venue = fields.string("venue")
        let city = fields.string("city")
        let currency = currency(fields)
        let schedule = Schedule(fields)
        let rules = AdmissionRules(fields)
        let reservations = ReservationRules(fields)
        var tiers = PlanTiers.read(fields)
        let sections = PlanSections(tiers: tiers?.map(\.id), issues: issues).read(fields)
        if let sections { PlanTiers.settle(&tiers, sections, fields) }
        checkCapacity(sections, fields)
        let buyers = buyers(fields)
        let groups = PlanGroups.read(fields)
        if let groups, let tiers { PlanGroups.check(tiers, groups, schedule, fields) }
        let isInvitationOnly = fields.has("invitation_only") ? fields.boolean("invitation_only") : false
        if isInvitationOnly == true, groups?.isEmpty == true {
            fields.issues.add("invitation_only", "needs groups, or nobody can join")
        }
        let draw = PlanDraw.read(fields, startsAt: schedule?.startsAt)
        let genre = fields.has("genre") ? fields.string("genre", upTo: genreLimit) : nil
        let eventAt = fields.has("event_at") ? fields.instant("event_at") : nil
        if let eventAt { schedule?.check(eventAt: eventAt, fields.issues) }
        guard let title, let venue, let city, let currency, let schedule, let rules, let reservations,
            let tiers,
            let sections, let buyers, let draw, let groups, let isInvitationOnly
        else { return nil }
        return Plan(
            title: title,
            venue: venue,
            city: city,
            currency: currency,
            schedule: schedule,
            rules: rules,
            reservations: reservations,
            tiers: tiers,
            sections: sections,
            buyers: buyers,
            groups: groups,
            isInvitationOnly: isInvitationOnly,
            draw: draw,
            genre: genre,
            eventAt: eventAt
        )
    }

    /// The most characters of a genre.
    static let genreLimit = 64

    static func currency(_ fields: PlanFields) -> String? {
        fields.required("currency", "an ISO 4217 code such as EUR") { value in
            guard case .string(let text) = value, text.utf8.count == 3,
                text.utf8.allSatisfy((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains)
            else { return nil }
            return text
        }
    }

    private static func buyers(_ fields: PlanFields) -> Buyers? {
        guard fields.has("buyers") else { return .anonymous }
        let accepted = Buyers.allCases.map(\.rawValue).joined(separator: " or ")
        return fields.required("buyers", accepted) { value in
            guard case .string(let text) = value else { return nil }
            return Buyers(rawValue: text)
        }
    }

    /// The declared capacity is what the promoter believes; the sections are what there is.
    private static func checkCapacity(_ sections: [Section]?, _ fields: PlanFields) {
        guard let declared = fields.integer("capacity", in: 1...1_000_000), let sections else { return }
        let actual = sections.reduce(0) { $0 + $1.capacity }
        if actual != declared {
            fields.issues.add("capacity", "says \(declared), but the sections add up to \(actual)")
        }
    }
}

extension PlanValue {
    /// - Throws: `PlanError` that says where the JSON breaks off.
    init(json: [UInt8]) throws(PlanError) {
        do {
            self = try JSONDecoder().decode(PlanValue.self, from: Data(json))
        } catch {
            var message = "is not JSON"
            if case DecodingError.dataCorrupted(let context) = error, let cause = context.underlyingError {
                let detail = (cause as NSError).userInfo["NSDebugDescription"] as? String
                message += detail.map { ": \($0)" } ?? ""
            }
            throw PlanError(issues: [.init(path: "the plan", message: message)])
        }
    }
}

extension Plan.Schedule {
    /// Nil, with a note, unless the three times are there and in order.
    init?(_ fields: PlanFields) {
        let opens = fields.instant("opens_at")
        let starts = fields.instant("starts_at")
        let closes = fields.instant("closes_at")
        guard let opens, let starts, let closes else { return nil }
        self.init(opensAt: opens, startsAt: starts, closesAt: closes)
        check(fields.issues)
    }

    /// Notes an event that would take place before anybody can buy for it.
    func check(eventAt: PostgresTimestamp, _ issues: PlanIssues) {
        guard eventAt < startsAt else { return }
        issues.add("event_at", "(\(eventAt)) must not be before starts_at (\(startsAt))")
    }

    /// Notes times that are out of order.
    func check(_ issues: PlanIssues) {
        if startsAt < opensAt {
            issues.add(
                "starts_at",
                "(\(startsAt)) must not be before opens_at (\(opensAt))"
            )
        }
        if closesAt <= startsAt {
            issues.add(
                "closes_at",
                "(\(closesAt)) must be after starts_at (\(startsAt))"
            )
        }
    }
}

extension Plan.AdmissionRules {
    init?(_ fields: PlanFields) {
        let rate = fields.integer("rate_per_minute", in: 1...1_000_000)
        let limit = fields.integer("active_limit", in: 1...1_000_000)
        let turn = fields.integer("turn_seconds", in: 1...86_400, fallback: 120)
        let session = fields.integer("session_seconds", in: 1...86_400, fallback: 600)
        let reoffers = fields.integer("reoffer_limit", in: 0...10, fallback: 1)
        let window = fields.integer("reoffer_seconds", in: 0...86_400, fallback: 600)
        guard let rate, let limit, let turn, let session, let reoffers, let window else { return nil }
        self.init(
            ratePerMinute: rate,
            activeLimit: limit,
            turnSeconds: turn,
            sessionSeconds: session,
            reofferLimit: reoffers,
            reofferSeconds: window
        )
    }
}

extension Plan.ReservationRules {
    init?(_ fields: PlanFields) {
        let perBuyer = fields.integer("max_per_buyer", in: 1...100, fallback: 6)
        let hold = fields.integer("hold_seconds", in: 1...86_400, fallback: 300)
        let extensionSeconds = fields.integer("extension_seconds", in: 0...86_400, fallback: 120)
        let extensionLimit = fields.integer("extension_limit", in: 0...10, fallback: 1)
        let payment = fields.integer("payment_seconds", in: 1...86_400, fallback: 180)
        let grace = fields.integer("grace_seconds", in: 0...3600, fallback: 30)
        let attempts = fields.integer("payment_limit", in: 1...20, fallback: 3)
        guard let perBuyer, let hold, let extensionSeconds, let extensionLimit, let payment, let grace,
            let attempts
        else { return nil }
        self.init(
            maxPerBuyer: perBuyer,
            holdSeconds: hold,
            extensionSeconds: extensionSeconds,
            extensionLimit: extensionLimit,
            paymentSeconds: payment,
            graceSeconds: grace,
            paymentLimit: attempts
        )
    }
}
