internal import BoxOffice
internal import HTTP

/// A plan as it is rehearsed: everything as filed, but for the draw's beacon and the promoter's secret.
struct RehearsalPlan: Sendable {
    /// The plan as it is filed.
    let json: [UInt8]
    let plan: Plan
    /// What comes of that for which its draw waits.
    let draw: RehearsedDraw

    /// Reads a plan.
    ///
    /// - Parameters:
    ///   - filed: The plan's JSON as it would be filed, UTF-8.
    ///   - draw: What comes of that for which its draw waits.
    /// - Throws: ``PlanError`` with everything that is wrong, each with its place in the JSON.
    init(json filed: [UInt8], draw: RehearsedDraw = .now) throws(PlanError) {
        self.draw = draw
        // Checked as it was filed, first.
        let asFiled = try Plan(json: filed)
        let members: [JSONValue.Member]
        if case .object(let some)? = try? JSONValue(parsing: filed) { members = some } else { members = [] }
        json = JSONWriter.object { writer in
            for member in members where member.name != "draw" { writer.field(member.name, member.value) }
            if let terms = draw.json(of: asFiled.draw, startsAt: asFiled.schedule.startsAt) {
                writer.field("draw", terms)
            }
        }
        plan = try Plan(json: json)
    }

    /// The parts that buyers notice.
    var sale: RehearsedSale { RehearsedSale(plan) }
}
