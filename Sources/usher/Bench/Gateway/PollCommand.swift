internal import Glibc
internal import HTTP
internal import Reactor

/// `usher bench poll`: buyers who look where they stand whenever they are told to.
enum PollCommand {
    static let spread = Option(
        "spread",
        .duration,
        initial: "5s",
        help: "The time over which the first polls come"
    )

    static let command = Command(
        "poll",
        "Look at places as often as the answers say, for a bench",
        options: [.port, LoadCommand.places, LoadCommand.sockets, spread, LoadCommand.over],
        isInternal: true
    ) { invocation in
        let arguments = invocation.arguments
        guard let file = arguments.text(LoadCommand.places) else { throw Failure("--places is missing") }
        DescriptorLimit.raise()
        let loop = try EventLoop(name: "poll")
        defer { loop.stop() }
        let requests = (try FileSystem.read(file) ?? "").split(separator: "\n").map(LoadCommand.look)
        guard !requests.isEmpty else { throw Failure("there are no lines in \(file)") }
        let agenda = PollAgenda(
            buyers: requests.count,
            spread: arguments.duration(spread) ?? .seconds(5),
            length: arguments.duration(LoadCommand.over) ?? .seconds(10)
        )
        let load = HTTPLoad(loop: loop, agenda: agenda) { requests[$0] }
        let before = LoadCommand.cpu()
        var report = try await load.run(
            port: arguments.number(.port) ?? 0,
            connections: arguments.number(LoadCommand.sockets) ?? 1
        )
        report.cpu = LoadCommand.cpu() - before
        UpCommand.say(report.line)
    }
}
