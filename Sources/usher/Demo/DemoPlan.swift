internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// A promoter's plan with its times and rules changed to the demo's.
struct DemoPlan: Sendable {
    /// The plan as it is filed.
    let json: [UInt8]
    let plan: Plan

    /// Reads a plan file and moves it to now.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - pace: the demo's times.
    ///   - now: in microseconds since 1970, UTC.
    /// - Throws: ``Failure`` when there is no such file, or its plan is refused.
    init(path: String, pace: DemoPace, now: Int64) throws {
        let members = try PlanFile(path: path).members
        // Whole seconds: an instant of the plan is read by people.
        let opens = (now / 1_000_000 + 1 + Int64(pace.opensAfter)) * 1_000_000
        let starts = opens + Int64(pace.prequeue) * 1_000_000
        let changes: [(String, JSONValue)] = [
            ("opens_at", .string(PostgresTimestamp(microseconds: opens).description)),
            ("starts_at", .string(PostgresTimestamp(microseconds: starts).description)),
            (
                "closes_at",
                .string(PostgresTimestamp(microseconds: opens + pace.limit.microseconds).description)
            ),
            ("rate_per_minute", .int(Int64(pace.ratePerMinute))),
            ("active_limit", .int(Int64(pace.activeLimit))),
            ("turn_seconds", .int(Int64(pace.turnSeconds))),
            ("session_seconds", .int(Int64(pace.sessionSeconds))),
            ("hold_seconds", .int(Int64(pace.holdSeconds))),
            ("extension_seconds", .int(Int64(pace.extensionSeconds))),
            ("payment_seconds", .int(Int64(pace.paymentSeconds))),
            ("grace_seconds", .int(Int64(pace.graceSeconds))),
        ]
        let kept = members.filter { member in !changes.contains { $0.0 == member.name } }
        json = JSONWriter.object { writer in
            for member in kept { writer.field(member.name, member.value) }
            for (name, value) in changes { writer.field(name, value) }
        }
        do {
            plan = try Plan(json: json)
        } catch {
            throw Failure("the plan \(path) is refused: \(OneLine.joined(error.description))")
        }
    }
}
