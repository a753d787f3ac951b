/// `usher bench`: what the engine does per second, and what it costs.
enum BenchCommand {
    static let command = Command(
        "bench",
        "Measure the engine, beside hand-written loops on the same server",
        discussion: """
            Each starts a private Postgres in a temporary place unless a URL is given, prints one line of JSON per
            figure, and leaves nothing behind. What each measures is in docs/benchmarks.md.
            """,
        subcommands: [
            QueueBench.command, EnqueueBench.command, LatencyBench.command, HorizonBench.command,
            GrowthBench.command, ScaleBench.command, WorkflowBench.command, JoinsBench.command,
            HoldsBench.command, ExpiriesBench.command, AdmissionBench.command, GatewayBench.command,
            EventsBench.command, PagesBench.command, SearchBench.command,
            BenchWorkerCommand.command, LoadCommand.command, RedisRoomCommand.command, ListenCommand.command,
            HostileCommand.command,
            PollCommand.command,
        ]
    )
}
