/// `usher events bridge`: passes the event log on to other systems.
enum BridgeCommand {
    static let command = Command(
        "bridge",
        "Pass the event log on to other systems",
        subcommands: [OpenSearchCommand.command]
    )
}
