internal import BoxOffice
internal import Glibc
internal import Postgres
internal import Reactor
internal import Scheduler
internal import Telemetry

/// `usher scheduler`: wakes what is due, rescues what the dead held, makes and drops history,
/// and deletes what is too old to be asked for.
enum SchedulerCommand {
    static let command = Command(
        "scheduler",
        "Run a scheduler",
        discussion: "Any number may run; one leads, and another takes over within seconds of its end.",
        options: Option.database,
        endsInOrder: true
    ) { invocation in
        let place = try await Workplace.open(invocation, connections: 4, isServing: true)
        try await place.checkSchema()
        let scheduler = JobScheduler(
            postgres: place.postgres,
            name: "\(getpid())-\(UInt32.random(in: 0...UInt32.max))",
            chores: [
                Chore("forget old answers") { try await Upkeep.forgetAnswers(in: $0) },
                Chore("forget old reports of gateways") { try await Upkeep.forgetReports(in: $0) },
                Chore("forget old contacts") { try await Upkeep.forgetContacts(in: $0) },
                Chore("forget old notifications") { try await Upkeep.forgetNotifications(in: $0) },
            ],
            logger: invocation.logger("scheduler")
        )
        invocation.logger("scheduler").info("running", ["schema": place.schema])
        await withDiscardingTaskGroup { group in
            group.addTask { await place.postgres.run() }
            group.addTask {
                await invocation.stop.wait()
                scheduler.stop()
            }
            await scheduler.run()
            group.cancelAll()
        }
        await place.close()
    }
}
