internal import Postgres

/// What a promoter changes of a plan that is filed: only what nobody has relied on yet.
struct PlanPatch {
    static let fields = [
        "title", "venue", "city", "opens_at", "starts_at", "closes_at", "rate_per_minute", "active_limit",
        "turn_seconds", "session_seconds", "reoffer_limit", "reoffer_seconds", "genre", "event_at",
    ]

    var title: String?
    var venue: String?
    var city: String?
    var genre: String?
    var eventAt: PostgresTimestamp?
    var opensAt: PostgresTimestamp?
    var startsAt: PostgresTimestamp?
    var closesAt: PostgresTimestamp?
    var ratePerMinute: Int?
    var activeLimit: Int?
    var turnSeconds: Int?
    var sessionSeconds: Int?
    var reofferLimit: Int?
    var reofferSeconds: Int?
    /// What was filed, for the audit and for the plan in force.
    let json: [UInt8]

    /// - Throws: `PlanError` with everything that is wrong.
    init(json: [UInt8]) throws(PlanError) {
        self.json = json
        let issues = PlanIssues()
        let value = try PlanValue(json: json)
        guard let fields = PlanFields(value, at: "", accepting: Self.fields, issues: issues) else {
            throw PlanError(issues: issues.all)
        }
        func given<T>(_ name: String, _ read: (String) -> T?) -> T? { fields.has(name) ? read(name) : nil }
        title = given("title") { fields.string($0) }
        venue = given("venue") { fields.string($0) }
        city = given("city") { fields.string($0) }
        genre = given("genre") { fields.string($0, upTo: Plan.genreLimit) }
        eventAt = given("event_at", fields.instant)
        opensAt = given("opens_at", fields.instant)
        startsAt = given("starts_at", fields.instant)
        closesAt = given("closes_at", fields.instant)
        ratePerMinute = given("rate_per_minute") { fields.integer($0, in: 1...1_000_000) }
        activeLimit = given("active_limit") { fields.integer($0, in: 1...1_000_000) }
        turnSeconds = given("turn_seconds") { fields.integer($0, in: 1...86_400) }
        sessionSeconds = given("session_seconds") { fields.integer($0, in: 1...86_400) }
        reofferLimit = given("reoffer_limit") { fields.integer($0, in: 0...10) }
        reofferSeconds = given("reoffer_seconds") { fields.integer($0, in: 0...86_400) }
        try issues.check()
    }

    /// The times as they would be, if they are in order and none of those that passed is touched.
    ///
    /// - Throws: `PlanError`.
    func schedule(over gate: OnSaleGate) throws(PlanError) -> Plan.Schedule {
        let issues = PlanIssues()
        let schedule = Plan.Schedule(
            opensAt: opensAt ?? gate.opensAt,
            startsAt: startsAt ?? gate.startsAt,
            closesAt: closesAt ?? gate.closesAt
        )
        schedule.check(issues)
        if let eventAt { schedule.check(eventAt: eventAt, issues) }
        if opensAt != nil, gate.state != .scheduled { issues.add("opens_at", "has passed; the room is open") }
        if startsAt != nil, gate.entries != nil { issues.add("starts_at", "has passed; the draw is sealed") }
        try issues.check()
        return schedule
    }
}

extension OnSales {
    /// Changes what was filed.
    ///
    /// Tiers and sections stay: people may have seen them. Whoever wants to be told is told of another time or house.
    ///
    /// - Parameters:
    ///   - id: Which one.
    ///   - json: An object with the fields to change.
    ///   - actor: Who changes it, for the audit.
    /// - Returns: The on-sale as it is now.
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` when it is over, `.invalid`.
    package func patch(_ id: OnSaleID, json: [UInt8], by actor: String) async throws -> OnSaleRecord {
        let patch: PlanPatch
        do { patch = try PlanPatch(json: json) } catch { throw OnSaleProblem.invalid(error) }
        try await changing(id) { gate, tx in
            try gate.require([.scheduled, .prequeue, .admitting])
            let schedule: Plan.Schedule
            do throws(PlanError) { schedule = try patch.schedule(over: gate) } catch {
                throw OnSaleProblem.invalid(error)
            }
            if patch.startsAt != nil {
                try await Self.promiseBeacon(startsAt: schedule.startsAt, of: id, in: &tx)
            }
            try await tx.execute(
                Query(
                    "on_sale.patch",
                    """
                    UPDATE on_sales SET title = coalesce(\(patch.title), title),
                        venue = coalesce(\(patch.venue), venue), city = coalesce(\(patch.city), city),
                        opens_at = \(schedule.opensAt), starts_at = \(schedule.startsAt),
                        closes_at = \(schedule.closesAt),
                        rate_per_minute = coalesce(\(patch.ratePerMinute), rate_per_minute),
                        active_limit = coalesce(\(patch.activeLimit), active_limit),
                        turn_seconds = coalesce(\(patch.turnSeconds), turn_seconds),
                        session_seconds = coalesce(\(patch.sessionSeconds), session_seconds),
                        reoffer_limit = coalesce(\(patch.reofferLimit), reoffer_limit),
                        reoffer_seconds = coalesce(\(patch.reofferSeconds), reoffer_seconds),
                        plan = plan || \(JSONB(bytes: patch.json)), seq = seq + 1, revision = revision + 1
                    WHERE on_sale_id = \(id.rawValue)
                    """
                )
            )
            let isMoved =
                schedule.opensAt != gate.opensAt || schedule.startsAt != gate.startsAt || patch.venue != nil
                || patch.city != nil
            if isMoved { try await Self.tell(.rescheduled, of: id, by: workflows, in: &tx) }
            let text = String(decoding: patch.json, as: UTF8.self)
            try await AuditTrail.append("patch", on: id, by: actor, json: text, in: &tx)
            try await tx.pipeline(OnSaleFacts.Changed(patch, schedule).append(to: id))
        }
        return try await find(id)
    }

    /// The beacon that fits the new start.
    ///
    /// - Throws: `OnSaleProblem.invalid` when the announced one would come before the entries are fixed.
    private static func promiseBeacon(
        startsAt: PostgresTimestamp,
        of id: OnSaleID,
        in tx: inout Transaction
    ) async throws {
        let terms = try await DrawCeremony.read(id, in: &tx).terms
        let issues = PlanIssues()
        terms.check(startsAt: startsAt, at: "draw.beacon", issues)
        do throws(PlanError) { try issues.check() } catch { throw OnSaleProblem.invalid(error) }
        guard let due = terms.promised(startsAt: startsAt) else { return }
        try await tx.execute(DrawCeremony.promiseAgain(due, for: id))
    }
}
