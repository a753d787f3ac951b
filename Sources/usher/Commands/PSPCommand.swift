internal import HTTP
internal import Reactor
internal import Telemetry

/// `usher psp`: a stand-in payment server that behaves as badly as it is told to.
enum PSPCommand {
    static let callbackURL = Option(
        "callback-url",
        .text("URL"),
        environment: "USHER_CALLBACK_URL",
        help: "Where decisions are sent, signed with --payments-secret; without it nowhere"
    )
    static let declines = rate("declines", "Payments in a hundred that are declined")
    static let timeouts = rate("timeouts", "Authorisations in a hundred that are made, but not answered")
    static let duplicates = rate("duplicates", "Payments in a hundred whose callback comes twice")
    static let late = rate("late", "Payments in a hundred that are decided late, by callback")
    static let silence = Option(
        "silence",
        .duration,
        initial: "30s",
        help: "How long an unanswered call hangs"
    )
    static let delay = Option("delay", .duration, initial: "8s", help: "How late a late decision is")
    static let seed = Option("seed", .number(0...Int.max), initial: "1", help: "Decides every payment's fate")

    static let command = Command(
        "psp",
        "Run a stand-in payment server, for demos and tests",
        discussion: "It moves no money. GET /ledger shows what it believes to have moved.",
        options: [
            .host, .port, .paymentsKey, .paymentsSecret, callbackURL, declines, timeouts, duplicates, late,
            silence,
            delay, seed,
        ] + Option.logging,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        func part(_ option: Option) -> Double { Double(arguments.number(option) ?? 0) / 100 }
        let behaviour = PSPBehaviour(
            declineRate: part(declines),
            timeoutRate: part(timeouts),
            duplicateRate: part(duplicates),
            lateRate: part(late),
            silenceSeconds: arguments.duration(silence)?.seconds ?? 30,
            lateSeconds: arguments.duration(delay)?.seconds ?? 8,
            seed: UInt64(arguments.number(seed) ?? 1)
        )
        let logger = invocation.logger("psp")
        let loops = try EventLoopGroup(count: 1)
        let psp = PSPServer(
            behaviour: behaviour,
            apiKey: arguments.text(.paymentsKey) ?? "",
            target: try target(arguments),
            loops: loops,
            logger: logger
        )
        let host = arguments.text(.host) ?? "127.0.0.1"
        let (server, port) = try await psp.start(address: host, port: arguments.number(.port) ?? 8080)
        logger.info("listening", ["host": host, "port": port])
        await withDiscardingTaskGroup { group in
            group.addTask { await psp.run() }
            await invocation.stop.wait()
            await server.drain()
            group.cancelAll()
        }
    }

    private static func rate(_ name: String, _ help: String) -> Option {
        Option(name, .number(0...100), initial: "0", help: help)
    }

    private static func target(_ arguments: Arguments) throws -> PSPServer.CallbackTarget? {
        guard let url = arguments.text(callbackURL) else { return nil }
        guard let endpoint = HTTPEndpoint(url: url) else {
            throw Failure("--callback-url takes an http URL, not \"\(url)\"")
        }
        guard let secret = arguments.text(.paymentsSecret), !secret.isEmpty else {
            throw Failure("--callback-url needs --payments-secret, which signs what is sent there")
        }
        let path = url.dropFirst("http://".count).drop { $0 != "/" }
        return .init(endpoint: endpoint, path: path.isEmpty ? "/" : String(path), secret: secret)
    }
}
