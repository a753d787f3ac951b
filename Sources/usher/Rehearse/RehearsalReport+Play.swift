internal import BoxOffice
internal import Reactor

extension RehearsalReport {
    /// Plays a plan in a schema that is ready for it, and says what it came to.
    ///
    /// - Parameters:
    ///   - plan: What is played.
    ///   - settings: Who comes.
    ///   - house: The box office, whose engine runs.
    ///   - schema: Where it is played.
    ///   - speed: So many seconds of the sale in a real one, at most; nil is as fast as it goes.
    ///   - pace: How often `tell` hears how far it is.
    ///   - tell: Hears of it in a line.
    /// - Returns: What it came to.
    /// - Throws: What the database or the box office threw.
    static func playing(
        _ plan: RehearsalPlan,
        _ settings: RehearsalSettings,
        _ house: RehearsalHouse,
        in schema: RehearsalSchema,
        speed: Int? = nil,
        pace: Duration = .seconds(10),
        tell: @Sendable (String) -> Void
    ) async throws -> RehearsalReport {
        var play = try await RehearsalPlay(plan, settings, house, in: schema)
        var told = MonotonicTime.now
        let ending = try await play.play(speed: speed) { second, crowd in
            guard MonotonicTime.now - told > pace else { return }
            told = .now
            let moment =
                second < 0
                ? "\(RehearsalReport.clock(-second)) before" : "\(RehearsalReport.clock(second)) after"
            tell("\(moment) the start: \(crowd.line) in line, \(crowd.tally.tickets) sold")
        }
        return RehearsalReport(
            title: plan.plan.title,
            seed: settings.seed,
            ratePerMinute: plan.plan.rules.ratePerMinute,
            activeLimit: plan.plan.rules.activeLimit,
            noShow: settings.noShow,
            drawnAt: play.drawnAt,
            ending: ending,
            tiers: play.tiers.map { .init(id: $0.id, capacity: $0.capacity, sold: $0.sold) },
            tally: play.crowd.tally,
            learnedNoShow: play.learnedNoShow,
            machine: play.machine
        )
    }
}
