extension Command {
    /// Everything `usher` does.
    static let usher = Command(
        "usher",
        "Concert on-sales on Postgres and nothing else",
        subcommands: [
            MigrateCommand.command, UpCommand.command, LaunchCommand.command,
        ]
    )
}
