internal import Glibc
internal import HTTP

/// `usher bench gateway`: what one box takes of those who only wait: `/status`, sockets and polls.
enum GatewayBench {
    /// What is measured.
    enum Part: String, CaseIterable, Sendable {
        case status, sockets, polls, hostile
    }

    static let only = Option(
        "only",
        .list("PARTS"),
        initial: Part.allCases.map(\.rawValue).joined(separator: ","),
        help: "The parts to measure"
    )
    static let rivals = Option(
        "rivals",
        .list("NAMES"),
        initial: StatusServer.Kind.allCases.map(\.rawValue).joined(separator: ","),
        help: "The servers to measure /status beside, or none"
    )
    static let keepAlive = Option(
        "keep-alive",
        .number(1...8000),
        initial: "128",
        help: "Connections that ask for /status, each again when it was answered"
    )
    static let sockets = Option(
        "sockets",
        .number(10...1_000_000),
        initial: "100000",
        help: "WebSockets that listen"
    )
    static let gateways = Option(
        "gateways",
        .number(1...64),
        initial: "1",
        help: "Gateway processes that the WebSockets are shared out over"
    )
    static let ticks = Option(
        "ticks",
        .number(1...1000),
        initial: "5",
        help: "Changes that all sockets hear of"
    )
    static let waiting = Option(
        "waiting",
        .list("COUNTS"),
        initial: "1000,100000",
        help: "How many poll, in one line after the other"
    )
    static let hostile = Option(
        "hostile",
        .list("COUNTS"),
        initial: "10000,100000,200,1000",
        help:
            "How many send a header a byte a second, never finish a join, send headers of a megabyte, never read"
    )
    static let joinRate = Option(
        "join-rate",
        .number(1...10_000),
        initial: "100",
        help: "Buyers a second who join meanwhile"
    )
    static let holdRate = Option(
        "hold-rate",
        .number(1...10_000),
        initial: "100",
        help: "Buyers a second who hold a ticket meanwhile"
    )

    static let command = Command(
        "gateway",
        "Measure /status beside other servers, many WebSockets, and many who poll",
        options: [
            only, rivals, keepAlive, sockets, gateways, GatewayCommand.loops, ticks, waiting, hostile,
            joinRate,
            holdRate, BenchOptions.seconds,
        ] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        let parts = try parts(invocation)
        let counts = try BenchOptions.numbers(waiting, 1...2_000_000, of: invocation)
        let crowds = try crowds(invocation)
        let path = invocation.environment["PATH"] ?? ""
        // Looked for before anything is started: what is missing is one line.
        let rivals = parts.contains(.status) ? try servers(invocation, path) : []
        let wrk = parts.contains(.status) ? try StatusServer.find("wrk", package: "wrk", path: path) : ""
        let directory = try FileSystem.makeTemporaryDirectory("usher-bench-gateway")
        defer { try? FileSystem.remove(directory) }
        // nginx's worker is another user where it is started by root.
        guard unsafe chmod(directory, 0o755) == 0 else { throw FileSystem.failure("open", directory) }
        let runs = arguments.number(BenchOptions.runs) ?? 5
        let seconds = arguments.number(BenchOptions.seconds) ?? 10
        try await BenchPlace.with(invocation) { place in
            for part in parts {
                switch part {
                case .status:
                    let bench = StatusBench(
                        place: place,
                        rivals: rivals,
                        wrk: Wrk(program: wrk, directory: directory),
                        directory: directory,
                        connections: arguments.number(keepAlive) ?? 128,
                        seconds: seconds,
                        runs: runs
                    )
                    try await bench.run()
                case .sockets:
                    let bench = SocketsBench(
                        place: place,
                        directory: directory,
                        sockets: arguments.number(sockets) ?? 100_000,
                        gateways: arguments.number(gateways) ?? 1,
                        loops: arguments.number(GatewayCommand.loops) ?? 1,
                        ticks: arguments.number(ticks) ?? 5,
                        runs: runs
                    )
                    try await bench.run()
                case .hostile:
                    let bench = HostileBench(
                        place: place,
                        directory: directory,
                        crowds: crowds,
                        seconds: seconds,
                        joinRate: arguments.number(joinRate) ?? 100,
                        runs: runs
                    )
                    try await bench.run()
                case .polls:
                    let bench = PollsBench(
                        place: place,
                        directory: directory,
                        waiting: counts,
                        seconds: seconds,
                        joinRate: arguments.number(joinRate) ?? 100,
                        holdRate: arguments.number(holdRate) ?? 100,
                        runs: runs
                    )
                    try await bench.run()
                }
            }
        }
    }

    private static func crowds(_ invocation: Invocation) throws -> [(kind: HostileKind, count: Int)] {
        let counts = try BenchOptions.numbers(hostile, 0...1_000_000, of: invocation)
        guard counts.count == HostileKind.allCases.count else {
            throw UsageError(
                command: invocation.path,
                message: "--hostile takes \(HostileKind.allCases.count) counts, not \(counts.count)"
            )
        }
        return zip(HostileKind.allCases, counts).filter { $1 > 0 }.map { (kind: $0, count: $1) }
    }

    private static func parts(_ invocation: Invocation) throws -> [Part] {
        try invocation.arguments.list(only).map { name in
            guard let part = Part(rawValue: name) else { throw refusal(only, Part.self, name, invocation) }
            return part
        }
    }

    private static func servers(_ invocation: Invocation, _ path: String) throws -> [StatusServer] {
        let names = invocation.arguments.list(rivals)
        if names == ["none"] { return [] }
        return try names.map { name in
            guard let kind = StatusServer.Kind(rawValue: name) else {
                throw refusal(rivals, StatusServer.Kind.self, name, invocation)
            }
            return try StatusServer(kind, path: path)
        }
    }

    private static func refusal<Words: CaseIterable & RawRepresentable>(
        _ option: Option,
        _ words: Words.Type,
        _ name: String,
        _ invocation: Invocation
    ) -> UsageError where Words.RawValue == String {
        let accepted = words.allCases.map(\.rawValue).joined(separator: ", ")
        return UsageError(
            command: invocation.path,
            message: "--\(option.name) names \(accepted), not \"\(name)\""
        )
    }
}
