internal import BoxOffice
internal import EventLog
internal import Glibc
internal import Jobs
internal import Postgres
internal import Reactor
internal import Scheduler
internal import Telemetry

/// `usher scheduler`: wakes what is due, rescues what the dead held, makes and drops history, tells of holds that are about
/// to end, and deletes what is too old to be asked for.
enum SchedulerCommand {
    static let keepOrders = Option(
        "keep-orders",
        .number(0...36_500),
        environment: "USHER_KEEP_ORDERS",
        initial: "90",
        help: "Days after an on-sale has closed until its orders are archived; 0 is never"
    )
    static let keepEvents = Option(
        "keep-events",
        .number(1...3_650),
        environment: "USHER_KEEP_EVENTS",
        initial: "30",
        help: "Days that events are kept; three times as long while a consumer is yet to be told of them"
    )
    static let command = Command(
        "scheduler",
        "Run a scheduler",
        discussion: "Any number may run; one leads, and another takes over within seconds of its end.",
        options: [keepOrders, keepEvents] + Option.database,
        endsInOrder: true
    ) { invocation in
        let place = try await Workplace.open(invocation, connections: 4, isServing: true)
        try await place.checkSchema()
        let eventDays = invocation.arguments.number(keepEvents) ?? 30
        let scheduler = JobScheduler(
            postgres: place.postgres,
            name: "\(getpid())-\(UInt32.random(in: 0...UInt32.max))",
            chores: [
                Chore("tell of holds that are about to end") { try await ExpiringHolds.tell(in: $0) },
                Chore("sample on-sales") { try await SaleSample.take(in: $0) },
                Chore("forget old samples") { try await SaleSample.forget(in: $0) },
                Chore("forget old answers") { try await Upkeep.forgetAnswers(in: $0) },
                Chore("forget old reports of gateways") { try await Upkeep.forgetReports(in: $0) },
                Chore("forget old sessions of staff") { try await Upkeep.forgetSessions(in: $0) },
                Chore("forget old contacts") { try await Upkeep.forgetContacts(in: $0) },
                Chore("drop old notifications") { try await Upkeep.dropNotifications(in: $0) },
                Chore("forget keys of old notifications") { try await Upkeep.forgetKeys(in: $0) },
                Chore("make parts ahead") { try await Upkeep.makeParts(in: $0) },
                Chore("make parts of the event log") { try await FactUpkeep.makeParts(in: $0) },
                Chore("drop old events") { try await FactUpkeep.dropParts(in: $0, keepDays: eventDays) },
            ],
            logger: invocation.logger("scheduler")
        )
        let keepDays = invocation.arguments.number(keepOrders) ?? 90
        let nightly = try ArchiveOrders.nightly(keepDays: keepDays)
        invocation.logger("scheduler").info("running", ["schema": place.schema])
        await withDiscardingTaskGroup { group in
            group.addTask { await place.postgres.run() }
            group.addTask {
                await invocation.stop.wait()
                scheduler.stop()
            }
            group.addTask { await save(nightly, keepDays: keepDays, place, invocation) }
            await scheduler.run()
            group.cancelAll()
        }
        await place.close()
    }

    /// Has orders archived every night, or never; the last scheduler that was started decides.
    private static func save(
        _ nightly: Recurrence,
        keepDays: Int,
        _ place: Workplace,
        _ invocation: Invocation
    ) async {
        do {
            if keepDays > 0 {
                try await nightly.save(on: place.postgres)
            } else {
                try await Recurrence.remove(nightly.name, on: place.postgres)
            }
        } catch {
            invocation.logger("scheduler").error(
                "orders may not be archived",
                ["schedule": nightly.name, "error": "\(error)"]
            )
        }
    }
}
