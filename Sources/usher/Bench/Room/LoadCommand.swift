internal import BoxOffice
internal import Glibc
internal import HTTP
internal import Reactor

/// `usher bench load`: buyers that join a room, look where they stand, or hold tickets, in a process of their own.
enum LoadCommand {
    static let room = Option(
        "room",
        .text("ID"),
        help: "The on-sale to join; without it the places are looked at"
    )
    static let places = Option(
        "places",
        .text("FILE"),
        help: "A line with place and token for each buyer: written by those who join, read by those who look"
    )
    static let holds = Option(
        "sessions",
        .text("FILE"),
        help: "Instead, a line with admission token and body for each hold"
    )
    static let count = Option("count", .number(1...50_000_000), initial: "100000", help: "Requests")
    static let over = Option(
        "over",
        .duration,
        initial: "10s",
        help: "The time over which they come; 0s has no pace"
    )
    static let sockets = Option("sockets", .number(1...15_000), initial: "2000", help: "Connections")

    static let command = Command(
        "load",
        "Join a room, look at places, or hold tickets, for a bench",
        options: [.port, room, places, holds, count, over, sockets],
        isInternal: true
    ) { invocation in
        let arguments = invocation.arguments
        guard let file = arguments.text(holds) ?? arguments.text(places) else {
            throw Failure("--places is missing")
        }
        DescriptorLimit.raise()
        let loop = try EventLoop(name: "load")
        defer { loop.stop() }
        let report = try await run(
            on: loop,
            room: arguments.text(room),
            file: file,
            isHolding: arguments.isGiven(holds),
            port: arguments.number(.port) ?? 0,
            count: arguments.number(count) ?? 0,
            over: arguments.duration(over) ?? .zero,
            sockets: arguments.number(sockets) ?? 1
        )
        UpCommand.say(report.line)
    }

    private static func run(
        on loop: EventLoop,
        room: String?,
        file: String,
        isHolding: Bool,
        port: Int,
        count: Int,
        over: Duration,
        sockets: Int
    ) async throws -> LoadReport {
        let found = Lock<[UInt8]>([])
        let load: HTTPLoad
        if let room {
            let salt = UInt64.random(in: .min ... .max)
            load = HTTPLoad(loop: loop, total: count, over: over) {
                join(room, buyer: $0, salt: salt)
            } answer: { bytes in
                guard let place = ResponseGlance.string("place", in: bytes),
                    let token = ResponseGlance.string("token", in: bytes)
                else { return }
                found.withLock { $0 += place + [UInt8(ascii: " ")] + token + [UInt8(ascii: "\n")] }
            }
        } else {
            let requests = (try FileSystem.read(file) ?? "").split(separator: "\n")
                .map(isHolding ? hold : look)
            guard !requests.isEmpty else { throw Failure("there are no lines in \(file)") }
            load = HTTPLoad(loop: loop, total: count, over: over) {
                requests[$0 % requests.count]
            } answer: { _ in
            }
        }
        let before = cpu()
        var report = try await load.run(port: port, connections: sockets)
        report.cpu = cpu() - before
        if room != nil {
            try FileSystem.write(found.withLock { String(decoding: $0, as: UTF8.self) }, to: file)
        }
        return report
    }

    private static func join(_ room: String, buyer: Int, salt: UInt64) -> [UInt8] {
        let bytes = [salt, UInt64(buyer)].flatMap { number in
            (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
        }
        let secret = Base64URL.encode(bytes)
        let body = "{\"secret\":\"\(secret)\"}"
        return Array(
            """
            POST /v1/on-sales/\(room)/places HTTP/1.1\r
            Host: bench\r
            Content-Type: application/json\r
            Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """.utf8
        )
    }

    /// The request for a line of place and token.
    static func look(_ line: Substring) -> [UInt8] {
        let words = line.split(separator: " ")
        return Array(
            """
            GET /v1/places/\(words.first ?? "") HTTP/1.1\r
            Host: bench\r
            Authorization: Bearer \(words.last ?? "")\r
            \r

            """.utf8
        )
    }

    /// The request for a line of admission token and body, under a key of its own session.
    private static func hold(_ line: Substring) -> [UInt8] {
        let words = line.split(separator: " ", maxSplits: 1)
        let body = words.last ?? ""
        return Array(
            """
            POST /v1/reservations HTTP/1.1\r
            Host: bench\r
            Authorization: Bearer \(words.first ?? "")\r
            Idempotency-Key: bench\r
            Content-Type: application/json\r
            Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """.utf8
        )
    }

    static func cpu() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
