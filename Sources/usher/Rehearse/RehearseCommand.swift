internal import BoxOffice
internal import Foundation
internal import Postgres
internal import Reactor

/// `usher rehearse`: plays a plan with made-up buyers in a schema of its own, and says how it would go.
enum RehearseCommand {
    static let plan = Option("plan", .text("FILE"), help: "The plan to rehearse, as it is filed")
    static let buyers = Option(
        "buyers",
        .number(1...1_000_000),
        help: "How many come; else half as many again as would buy everything"
    )
    static let arrivals = Option(
        "curve",
        .choice(ArrivalCurve.allCases.map(\.rawValue)),
        initial: "burst",
        help: "Most just before the start, as many in each minute, or soon after the room opens"
    )
    static let before = Option(
        "before",
        .number(0...100),
        help: "How many in a hundred come before the start; else 70 in a burst, 95 early, even by the time"
    )
    static let members = Option(
        "members",
        .list("GROUP=COUNT"),
        help: "How many of the buyers have a code, as in fans=200,card=500; else nobody"
    )
    static let noShow = rate("no-show", "10", "Of a hundred who are called, how many don't come")
    static let abandon = rate("abandon", "5", "Of a hundred in line, how many give up if it takes long")
    static let patience = Option(
        "patience",
        .duration,
        initial: "30m",
        help: "How long those who give up wait at most"
    )
    static let conversion = rate("conversion", "70", "Of a hundred who come in, how many buy")
    static let basket = Option(
        "basket",
        .text("TICKETS"),
        initial: "2",
        help: "Tickets per buyer, on average, as in 2.4"
    )
    static let think = Option(
        "think",
        .duration,
        initial: "30s",
        help: "From coming in to holding, on average"
    )
    static let payment = Option(
        "payment-seconds",
        .number(0...3600),
        initial: "30",
        help: "From holding to having paid, on average"
    )
    static let draw = Option(
        "draw",
        .choice(RehearsedDraw.allCases.map(\.rawValue)),
        initial: "now",
        help: "Whether the draw waits for the plan's beacon and secret, and they come in time or never"
    )
    static let seed = Option("seed", .number(0...Int.max), initial: "1", help: "Brings the same crowd again")
    static let speed = Option(
        "speed",
        .number(1...100_000),
        help: "So many seconds of the sale in a real one, at most; else as fast as it goes"
    )

    static let command = Command(
        "rehearse",
        "Play a plan with made-up buyers, and say how it would go",
        discussion: """
            Works in a schema of its own in the database, which is dropped at the end, with the code that sells in
            earnest and a clock that runs as fast as it can. Tells when it would sell out, how long buyers wait, and
            what holds it up. Buyers' payments go nowhere. docs/rehearse.md says what the numbers mean.
            """,
        options: [
            plan, buyers, arrivals, before, members, noShow, abandon, patience, conversion, basket, think,
            payment, draw, seed, speed, .json,
        ] + Option.database.filter { $0.name != Option.schema.name },
        endsInOrder: true
    ) { invocation in
        guard let path = invocation.arguments.text(plan) else {
            throw UsageError(command: invocation.path, message: "\(plan.usage) is missing")
        }
        let filed = try readPlan(
            path,
            draw: invocation.arguments.text(draw).flatMap(RehearsedDraw.init(rawValue:)) ?? .now
        )
        let settings = try settings(invocation, for: filed)
        let schema = RehearsalSchema.freshName()
        let place = try await Workplace.open(invocation, isServing: true, schema: schema)
        UpCommand.say(
            "\(filed.plan.title): \(filed.plan.capacity) tickets, \(settings.buyers) buyers, seed "
                + "\(settings.seed), in the schema \(schema)"
        )
        let speed = invocation.arguments.number(speed)
        let logger = invocation.logger("rehearse")
        let report: RehearsalReport
        do {
            report = try await untilStopped(invocation.stop) {
                try await RehearsalSchema.with(place.postgres, name: schema) { schema in
                    let house = try await RehearsalHouse(schema.postgres, logger: logger)
                    return try await house.engine.run {
                        try await RehearsalReport.playing(filed, settings, house, in: schema, speed: speed) {
                            UpCommand.say($0)
                        }
                    }
                }
            }
        } catch {
            await place.close()
            throw error
        }
        await place.close()
        UpCommand.say(report.text)
        if invocation.arguments.flag(.json) { UpCommand.say(report.json) }
    }

    /// Does `body`, or cuts it off when the end is asked for.
    private static func untilStopped<Value: Sendable>(
        _ stop: StopRequest,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                while !stop.isMade { try await Task.sleep(for: .milliseconds(50)) }
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else {
                throw Failure("ended by a signal; nothing of the rehearsal is left")
            }
            return value
        }
    }

    private static func readPlan(_ path: String, draw: RehearsedDraw) throws -> RehearsalPlan {
        let file = try PlanFile(path: path)
        do {
            return try RehearsalPlan(json: file.json, draw: draw)
        } catch {
            throw Failure("the plan \(path) is refused: \(OneLine.joined(error.description))")
        }
    }

    private static func rate(_ name: String, _ initial: String, _ help: String) -> Option {
        Option(name, .number(0...100), initial: initial, help: help)
    }

    // MARK: What it is called with

    private static func settings(
        _ invocation: Invocation,
        for filed: RehearsalPlan
    ) throws -> RehearsalSettings {
        let arguments = invocation.arguments
        func part(_ option: Option) -> Double { Double(arguments.number(option) ?? 0) / 100 }
        let curve = arguments.text(arrivals).flatMap(ArrivalCurve.init(rawValue:)) ?? .burst
        let tickets = arguments.text(basket) ?? ""
        let count = arguments.number(buyers)
        let settings = RehearsalSettings(
            seed: UInt64(arguments.number(seed) ?? 1),
            buyers: 0,
            curve: curve,
            share: 0,
            noShow: part(noShow),
            abandon: part(abandon),
            patience: Int(arguments.duration(patience)?.seconds ?? 0),
            conversion: part(conversion),
            basket: Double(tickets) ?? 0,
            think: Int(arguments.duration(think)?.seconds ?? 0),
            payment: arguments.number(payment) ?? 0,
            members: try arguments.list(members).map { try Self.members($0, invocation) }
        )
        do {
            return try settings.completed(
                for: filed.plan,
                buyers: count,
                share: arguments.isGiven(before) ? part(before) : nil
            )
        } catch {
            throw UsageError(command: invocation.path, message: message(error, tickets: tickets))
        }
    }

    private static func message(_ misfit: RehearsalSettings.Misfit, tickets: String) -> String {
        switch misfit {
        case .basket(let most):
            "--basket takes a number from 1 to \(most), which is the plan's max_per_buyer, not \"\(tickets)\""
        case .unknownGroup(let group, let groups):
            "--members names the group \"\(group)\"; "
                + (groups.isEmpty
                    ? "the plan has no groups" : "the plan's groups are \(groups.joined(separator: ", "))")
        case .moreMembers(let count): "--members names more than the \(count) of --buyers"
        case .invitationOnly:
            "\(members.usage) is missing: the plan is invitation_only, so nobody else may join"
        }
    }

    private static func members(
        _ word: String,
        _ invocation: Invocation
    ) throws -> RehearsalSettings.Members {
        let parts = word.split(separator: "=", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[1]), (1...1_000_000).contains(count) else {
            throw UsageError(
                command: invocation.path,
                message: "--members takes GROUP=COUNT, as in fans=200, not \"\(word)\""
            )
        }
        return RehearsalSettings.Members(group: String(parts[0]), count: count)
    }
}
