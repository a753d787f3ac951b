internal import Glibc
internal import HTTP
internal import Reactor

/// `usher bench listen`: sockets that listen to an on-sale, many more than a process usually has, and what they hear.
enum ListenCommand {
    static let ports = Option("ports", .list("PORTS"), help: "The gateways' ports, all on this machine")
    static let count = Option("count", .number(1...50_000_000), initial: "100000", help: "Sockets")

    /// Descriptors that each table keeps for other things.
    static let reserve = 256

    static let command = Command(
        "listen",
        "Listen to an on-sale with many sockets, for a bench",
        options: [ports, LoadCommand.room, count],
        isInternal: true,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        let gateways = arguments.list(ports).compactMap {
            UInt16($0).flatMap { SocketAddress(literal: "127.0.0.1", port: $0) }
        }
        guard !gateways.isEmpty, let room = arguments.text(LoadCommand.room) else {
            throw Failure("--ports or --room is missing")
        }
        let count = arguments.number(count) ?? 0
        let table = max(gateways.count, DescriptorLimit.raise() - reserve)
        let loops = try EventLoopGroup(
            count: max(1, (count + table - 1) / table),
            name: "listen",
            ownDescriptors: true
        ).loops
        // Each gateway has as many as the others, and each loop nearly as many.
        let each = count / gateways.count
        let crowds = loops.enumerated().map { index, loop in
            ListeningCrowd(
                loop: loop,
                target: "/v1/on-sales/\(room)/live",
                gateways: gateways,
                count: gateways.count * (each / loops.count + (index < each % loops.count ? 1 : 0))
            )
        }
        for (index, crowd) in crowds.enumerated() { crowd.start(from: sources(index)) }
        await report(crowds, each: each, gateways: gateways.count, stop: invocation.stop)
        for (crowd, loop) in zip(crowds, loops) {
            crowd.stop()
            loop.stop()
        }
    }

    /// Twenty addresses for each loop: no system has ports enough on one, and no server likes so many from one.
    private static func sources(_ loop: Int) -> [SocketAddress] {
        (1...20).compactMap { SocketAddress(literal: "127.0.\(loop + 1).\($0)", port: 0) }
    }

    /// Says what has come about until the parent has heard enough.
    private static func report(
        _ crowds: [ListeningCrowd],
        each: Int,
        gateways: Int,
        stop: StopRequest
    ) async {
        var said: Set<ListeningCrowd.Round> = []
        var lastOpen: ListenReport?
        while !stop.isMade {
            let tallies = crowds.map { crowd in crowd.tally.withLock { $0 } }
            let open = tallies.reduce(0) { $0 + $1.open }
            let lost = tallies.reduce(0) { $0 + $1.lost }
            let report = ListenReport.open(open, lost: lost)
            if open + lost >= each * gateways, report != lastOpen {
                lastOpen = report
                UpCommand.say(report.line)
            }
            var whole: [ListeningCrowd.Round: ListeningCrowd.Hearing] = [:]
            for (round, hearing) in tallies.flatMap(\.heard) {
                whole[round] = whole[round].map { $0 + hearing } ?? hearing
            }
            for (round, hearing) in whole where hearing.count >= each && said.insert(round).inserted {
                let (first, last) = (hearing.first, hearing.last)
                let report = ListenReport.told(
                    gateway: round.gateway,
                    seq: round.seq,
                    first: first,
                    last: last
                )
                UpCommand.say(report.line)
            }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
