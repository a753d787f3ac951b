extension Command {
    /// Everything `usher` does.
    static let usher = Command(
        "usher",
        "Concert on-sales on Postgres and nothing else",
        subcommands: [
            DemoCommand.command, UpCommand.command, MigrateCommand.command, WorkerCommand.command,
            SchedulerCommand.command, GatewayCommand.command, PSPCommand.command, PostboxCommand.command,
            RehearseCommand.command, AuditCommand.command, DoctorCommand.command,
            VerifyCommand.command, KeysCommand.command, QueuesCommand.queues, QueuesCommand.workers,
            JobsCommand.command,
            RunsCommand.command, OrdersCommand.command, EventsCommand.command,
            BenchCommand.command, LaunchCommand.command,
        ]
    )
}
