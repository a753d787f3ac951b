internal import BoxOffice
internal import EventLog
internal import Foundation
internal import Glibc
internal import Postgres
internal import Reactor
internal import Telemetry

/// `usher events`: the event log, and those who are told of it.
enum EventsCommand {
    /// Every consumer that comes with Usher.
    static let consumers: [any FactConsumer] = [SaleMinutes(), SearchIndex(), PageUpdates()]

    private static let names = consumers.map(\.name)
    private static let chosen = Option(
        "consumers",
        .list("NAMES"),
        environment: "USHER_CONSUMERS",
        initial: names.joined(separator: ","),
        help: "The consumers to work for"
    )
    private static let since = Option(
        "since",
        .text("START"),
        help:
            "Where to begin: beginning, now, a time such as 2026-06-01T10:00:00Z, or the number of an event to go on behind"
    )
    private static let onSale = Option("on-sale", .text("ID"), help: "Only events of this on-sale (os_...)")
    private static let follow = Option("follow", .flag, help: "Go on with what is yet to come")

    static let command = Command(
        "events",
        "Look at the event log, and run and steer its consumers",
        subcommands: [tail, list, run, replay, drop, BridgeCommand.command]
    )

    private static let tail = Command(
        "tail",
        "Print events as CloudEvents, one JSON object a line",
        discussion:
            "Without --since it begins with the latest twenty numbers; what is under way is waited for.",
        options: [since, onSale, follow] + Option.database
    ) { invocation in
        let only = try chosenOnSale(invocation)
        try await withPlace(invocation) { place in
            let log = FactLog(postgres: place.postgres)
            var horizon = FactHorizon()
            let first = try await log.sample()
            horizon.take(first)
            var position = max(first.given - 20, -1)
            if let start = try start(invocation) {
                position = try await number(of: start, in: log, given: first.given)
            }
            while !invocation.stop.isMade {
                let facts = try await log.page(
                    after: position,
                    through: horizon.final,
                    onSales: only.map { [$0.rawValue] },
                    limit: 500
                )
                for fact in facts {
                    let id = OnSaleID(rawValue: fact.onSale).publicID
                    print(String(decoding: CloudEvent(fact, onSale: id).bytes, as: UTF8.self))
                }
                if let last = facts.last { position = last.seq }
                guard facts.count < 500 else { continue }
                position = max(position, horizon.final)
                // What had been given out at the start is waited for; what comes later only on request.
                if !invocation.arguments.flag(follow), horizon.final >= first.given { break }
                fflush(nil)
                try await Task.sleep(for: .milliseconds(100))
                horizon.take(try await log.sample())
            }
        }
    }

    private static let list = Command(
        "consumers",
        "Show how far each consumer has come, and what holds it up",
        discussion:
            "BEHIND counts numbers that have been given out; LAG is the age of the first event that is yet to be told.",
        options: [.json] + Option.database
    ) { invocation in
        let views = try await withPlace(invocation) { try await ConsumerView.all(in: $0.postgres) }
        if invocation.arguments.flag(.json) {
            for view in views { for part in view.parts { print(try line(view.name, part)) } }
            return
        }
        var table = [["CONSUMER", "PART", "POSITION", "BEHIND", "LAG", "HOLDER", "PROBLEM"]]
        for view in views {
            for part in view.parts {
                table.append([
                    view.name, "\(part.number)", "\(part.position)", "\(part.behind)",
                    part.lag.map { "\(Int($0.rounded())) s" } ?? "-", part.holder ?? "-", part.problem ?? "-",
                ])
            }
        }
        for line in TextTable.lines(table) { print(line) }
    }

    private static let run = Command(
        "run",
        "Run consumers",
        discussion:
            "Any number may run; each takes its share of the parts, and those of one that died come to others in seconds.",
        options: [chosen] + Option.database,
        endsInOrder: true
    ) { invocation in
        let wanted = invocation.arguments.list(chosen)
        for name in wanted where !names.contains(name) {
            throw UsageError(
                command: invocation.path,
                message: "--consumers takes \(names.joined(separator: ", ")), not \"\(name)\""
            )
        }
        let place = try await Workplace.open(invocation, connections: 4, isServing: true)
        try await place.checkSchema()
        // What a consumer enqueues needs its queue, and no worker may have run yet.
        try await PurgePages.prepare(place.postgres)
        let runner = ConsumerRunner(
            postgres: place.postgres,
            consumers: consumers.filter { wanted.contains($0.name) },
            member: "\(getpid())-\(UInt32.random(in: 0...UInt32.max))",
            logger: invocation.logger("events")
        )
        invocation.logger("events").info("running", ["consumers": wanted.joined(separator: ",")])
        await withDiscardingTaskGroup { group in
            group.addTask { await place.postgres.run() }
            group.addTask {
                await invocation.stop.wait()
                runner.stop()
            }
            await runner.run()
            group.cancelAll()
        }
        await place.close()
    }

    private static let replay = Command(
        "replay",
        "Have a consumer told again",
        discussion: """
            From the beginning, what it has written is forgotten in the same commit; from elsewhere, it is told of some events
            twice, which is only right for one that doesn't count.
            """,
        options: [since] + Option.database,
        operands: [.init(name: "CONSUMER", help: "Which one")]
    ) { invocation in
        let consumer = try named(invocation)
        guard let start = try start(invocation) else {
            throw UsageError(command: invocation.path, message: "--since says where to begin")
        }
        let position = try await withPlace(invocation) { place in
            do {
                if case .now = start {
                    throw Failure("a replay from now tells nothing; drop the consumer to begin anew")
                }
                return try await FactCursors(postgres: place.postgres).replay(consumer, from: start.replay)
            } catch let refusal as FactCursors.Refusal {
                throw Failure(refusal.description)
            }
        }
        print("\(consumer.name) goes on behind \(position)")
    }

    private static let drop = Command(
        "drop",
        "Forget how far a consumer has come",
        discussion:
            "What it has written stays. Whoever runs it makes its positions anew, at the first event there is.",
        options: Option.database,
        operands: [.init(name: "CONSUMER", help: "Which one")]
    ) { invocation in
        let name = invocation.arguments.operands[0]
        let isDropped = try await withPlace(invocation) {
            try await FactCursors(postgres: $0.postgres).drop(name)
        }
        guard isDropped else { throw Failure("there is no consumer \(name)") }
        print("\(name) is forgotten")
    }

    // MARK: What is given

    private enum Start {
        case now
        case replay(FactCursors.Start)

        var replay: FactCursors.Start {
            if case .replay(let start) = self { start } else { .beginning }
        }
    }

    private static func start(_ invocation: Invocation) throws -> Start? {
        guard let text = invocation.arguments.text(since) else { return nil }
        if text == "beginning" { return .replay(.beginning) }
        if text == "now" { return .now }
        if let number = Int64(text), number >= 0 { return .replay(.after(number)) }
        if let instant = PostgresTimestamp(rfc3339: text) { return .replay(.instant(instant)) }
        throw UsageError(
            command: invocation.path,
            message:
                "--since takes beginning, now, a time such as 2026-06-01T10:00:00Z or a number, not \"\(text)\""
        )
    }

    private static func number(of start: Start, in log: FactLog, given: Int64) async throws -> Int64 {
        switch start {
        case .now: given
        case .replay(.beginning): try await log.start()
        case .replay(.after(let number)): number
        case .replay(.instant(let instant)): try await log.position(before: instant)
        }
    }

    private static func chosenOnSale(_ invocation: Invocation) throws -> OnSaleID? {
        guard let text = invocation.arguments.text(onSale) else { return nil }
        guard let id = OnSaleID(publicID: text) else {
            throw UsageError(
                command: invocation.path,
                message: "--on-sale takes an id such as os_7, not \"\(text)\""
            )
        }
        return id
    }

    private static func named(_ invocation: Invocation) throws -> any FactConsumer {
        let name = invocation.arguments.operands[0]
        guard let consumer = consumers.first(where: { $0.name == name }) else {
            throw UsageError(
                command: invocation.path,
                message: "CONSUMER is one of \(names.joined(separator: ", ")), not \"\(name)\""
            )
        }
        return consumer
    }

    private struct PartLine: Encodable {
        let consumer: String
        let part: Int
        let position: Int64
        let behind: Int64
        let lag: Double?
        let holder: String?
        let failures: Int
        let problem: String?
    }

    private static func line(_ name: String, _ part: ConsumerView.Part) throws -> String {
        let line = PartLine(
            consumer: name,
            part: part.number,
            position: part.position,
            behind: part.behind,
            lag: part.lag,
            holder: part.holder,
            failures: part.failures,
            problem: part.problem
        )
        return try JSONLine.text(line)
    }
}
