internal import BoxOffice
internal import HTTP
internal import Postgres

/// A plan as it is rehearsed: everything as filed, but for the draw's beacon and the promoter's secret.
struct RehearsalPlan: Sendable {
    /// The plan as it is filed.
    let json: [UInt8]
    let plan: Plan
    /// What comes of that for which its draw waits.
    let draw: RehearsedDraw

    /// Reads a plan file.
    ///
    /// - Throws: ``Failure`` when there is no such file, or its plan is refused.
    init(path: String, draw: RehearsedDraw = .now) throws {
        self.draw = draw
        let file = try PlanFile(path: path)
        // Checked as it was filed, first.
        let filed: Plan
        do { filed = try Plan(json: file.json) } catch {
            throw Failure("the plan \(path) is refused: \(OneLine.joined(error.description))")
        }
        json = JSONWriter.object { writer in
            for member in file.members where member.name != "draw" { writer.field(member.name, member.value) }
            if let terms = draw.json(of: filed.draw, startsAt: filed.schedule.startsAt) {
                writer.field("draw", terms)
            }
        }
        do { plan = try Plan(json: json) } catch {
            throw Failure("the plan \(path) is refused: \(OneLine.joined(error.description))")
        }
    }

    /// The parts that buyers notice.
    var sale: RehearsedSale {
        func seconds(_ from: PostgresTimestamp, _ to: PostgresTimestamp) -> Int {
            Int((to - from).components.seconds)
        }
        return RehearsedSale(
            prequeue: seconds(plan.schedule.opensAt, plan.schedule.startsAt),
            length: seconds(plan.schedule.startsAt, plan.schedule.closesAt),
            turnSeconds: plan.rules.turnSeconds,
            maxPerBuyer: plan.reservations.maxPerBuyer,
            tierCapacities: plan.tiers.map { plan.capacity(ofTier: $0.id) }
        )
    }
}
