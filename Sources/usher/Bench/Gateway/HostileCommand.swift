internal import HTTP
internal import Reactor

/// `usher bench hostile`: clients that mean no good, for a bench, until it is told to stop.
enum HostileCommand {
    static let kind = Option(
        "misdeed",
        .choice(HostileKind.allCases.map(\.rawValue)),
        help: "How they misbehave"
    )
    static let count = Option("count", .number(1...1_000_000), help: "How many there are")
    /// Descriptors of a table that are not for sockets.
    private static let reserve = 256

    static let command = Command(
        "hostile",
        "Misbehave toward a gateway, for a bench",
        options: [kind, count, .port, LoadCommand.room],
        isInternal: true,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        guard let kind = arguments.text(kind).flatMap(HostileKind.init),
            let room = arguments.text(LoadCommand.room),
            let port = arguments.number(.port).flatMap(UInt16.init(exactly:)),
            let address = SocketAddress(literal: "127.0.0.1", port: port)
        else { throw Failure("--misdeed or --room is missing, or --port") }
        let count = arguments.number(count) ?? 1
        let table = max(64, DescriptorLimit.raise() - reserve)
        let loops = try EventLoopGroup(
            count: (count + table - 1) / table,
            name: "hostile",
            ownDescriptors: true
        ).loops
        let crowds = loops.enumerated().map { index, loop in
            HostileCrowd(
                loop: loop,
                kind: kind,
                room: room,
                address: address,
                sources: (1...20).compactMap { SocketAddress(literal: "127.1.\(index + 1).\($0)", port: 0) },
                count: count / loops.count + (index < count % loops.count ? 1 : 0)
            )
        }
        for crowd in crowds { crowd.start() }
        var last = ""
        while !invocation.stop.isMade {
            let tallies = crowds.map { crowd in crowd.tally.withLock { $0 } }
            let answers = tallies.flatMap(\.answers).reduce(into: [:]) { $0[$1.key, default: 0] += $1.value }
            let line = HostileReport(
                open: tallies.reduce(0) { $0 + $1.open },
                closed: tallies.reduce(0) { $0 + $1.closed },
                answers: answers
            ).line
            if line != last { UpCommand.say(line) }
            last = line
            try? await Task.sleep(for: .milliseconds(100))
        }
        for (crowd, loop) in zip(crowds, loops) {
            crowd.stop()
            loop.stop()
        }
    }
}
