extension Command {
    /// Everything `usher` does.
    static let usher = Command(
        "usher",
        "Concert on-sales on Postgres and nothing else",
        subcommands: [LaunchCommand.command]
    )
}
