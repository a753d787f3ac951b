internal import Postgres
internal import Reactor
internal import Worker
internal import Workflows

/// `usher bench worker`: a worker process of a bench, which does nothing fast and says how far it is.
enum BenchWorkerCommand {
    /// How often it looks whether there is something to say.
    private static let interval = Duration.milliseconds(4)

    static let command = Command(
        "worker",
        "Work for a bench",
        options: [BenchOptions.capacity, BenchOptions.connections] + Option.database,
        isInternal: true,
        endsInOrder: true
    ) { invocation in
        let connections = invocation.arguments.number(BenchOptions.connections) ?? 8
        let place = try await Workplace.open(invocation, connections: connections, isServing: true)
        let latencies = BenchLatencies()
        var registry = WorkflowRegistry()
        registry.register(BenchJob(latencies: latencies))
        registry.register(WitnessJob(postgres: place.postgres))
        BenchFlows.register(in: &registry)
        let worker = JobWorker(
            postgres: place.postgres,
            registry: registry,
            configuration: WorkerConfiguration(
                pool: "bench",
                queues: [BenchJob.queue],
                capacity: invocation.arguments.number(BenchOptions.capacity) ?? 2000
            ),
            logger: invocation.logger("worker")
        )
        UpCommand.say(BenchReport.ready.line)
        try await BenchGate.pass(place.postgres)
        try await withThrowingTaskGroup { group in
            group.addTask {
                await invocation.stop.wait()
                worker.stop()
            }
            group.addTask { await report(worker, latencies) }
            try await worker.run()
            group.cancelAll()
        }
        UpCommand.say(BenchReport.settled(worker.settled, at: .now).line)
        UpCommand.say(BenchReport.latencies(latencies.take(), at: .now).line)
        await place.close()
    }

    private static func report(_ worker: JobWorker, _ latencies: BenchLatencies) async {
        var said = 0
        var second = MonotonicTime.now + .seconds(1)
        while (try? await Task.sleep(for: interval)) != nil {
            let settled = worker.settled
            // Read after the count: what is counted was durable by then.
            let now = MonotonicTime.now
            if settled != said {
                said = settled
                UpCommand.say(BenchReport.settled(settled, at: now).line)
            }
            guard now >= second else { continue }
            second = second + .seconds(1)
            let taken = latencies.take()
            if taken.count > 0 { UpCommand.say(BenchReport.latencies(taken, at: now).line) }
        }
    }
}
