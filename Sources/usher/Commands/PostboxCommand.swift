internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// `usher postbox`: a stand-in provider of e-mail and text messages that behaves as badly as it is told to.
enum PostboxCommand {
    static let key = Option(
        "postbox-key",
        .text("SECRET"),
        environment: "USHER_POSTBOX_KEY",
        help: "What callers prove themselves with; better set in the environment"
    )
    static let throttle = Option(
        "throttle",
        .number(1...100_000),
        help: "Messages that it takes in a second; the rest is answered 429"
    )
    static let failures = Option(
        "failures",
        .number(0...100),
        initial: "0",
        help: "Requests in a hundred that are answered 503"
    )
    static let seed = Option("seed", .number(0...Int.max), initial: "1", help: "Decides which requests fail")

    static let command = Command(
        "postbox",
        "Run a stand-in provider of e-mail and text messages, for demos and tests",
        discussion: "It sends nothing. POST /messages takes a message, GET /messages shows what came.",
        options: [.host, .port, key, throttle, failures, seed] + Option.logging,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        let behaviour = PostboxDesk.Behaviour(
            perSecond: arguments.number(throttle),
            failureRate: Double(arguments.number(failures) ?? 0) / 100,
            seed: UInt64(arguments.number(seed) ?? 1)
        )
        let desk = Lock(PostboxDesk(behaviour: behaviour, apiKey: arguments.text(key) ?? ""))
        let server = HTTPServer(loops: try EventLoopGroup(count: 1)) { request in
            let second = PostgresTimestamp.now.microseconds / 1_000_000
            return .now(desk.withLock { $0.handle(request, second: second) })
        }
        let host = arguments.text(.host) ?? "127.0.0.1"
        let port = try await server.start(address: host, port: arguments.number(.port) ?? 8080)
        invocation.logger("postbox").info("listening", ["host": host, "port": port])
        await invocation.stop.wait()
        await server.drain()
    }
}
