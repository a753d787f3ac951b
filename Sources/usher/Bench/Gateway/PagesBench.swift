internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// `usher bench pages`: an arena on sale behind a Varnish, while everybody looks at it and buyers take its seats.
struct PagesBench: Sendable {
    static let rate = Option(
        "rate",
        .number(1...2_000),
        initial: "80",
        help: "Holds a second, of two seats side by side"
    )
    static let readers = Option(
        "readers",
        .number(1...256),
        initial: "8",
        help: "Connections that ask for the page, the seat map and its picture, again and again"
    )
    static let vcl = Option(
        "vcl",
        .text("PATH"),
        initial: "deploy/varnish/usher.vcl",
        help: "What Varnish runs with; its backend's port is replaced"
    )

    static let command = Command(
        "pages",
        "Have everybody look at an arena that is being sold, through Varnish, and measure how old what they see is",
        options: [rate, readers, vcl, LoadCommand.sockets, BenchOptions.seconds] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        // Looked for before anything is started: what is missing is one line.
        let places = (invocation.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let found = (places + ["/usr/sbin"]).map { "\($0)/varnishd" }.first(
            where: PostgresBinaries.isExecutable
        )
        guard let varnish = found else { throw Failure("there is no varnishd here: apt-get install varnish") }
        let path = invocation.arguments.text(vcl) ?? ""
        guard let text = try FileSystem.read(path) else {
            throw Failure("there is no \(path): --vcl names it")
        }
        let directory = try FileSystem.makeTemporaryDirectory("usher-bench-pages")
        defer { try? FileSystem.remove(directory) }
        try await BenchPlace.with(invocation) { place in
            try await Self(place: place, directory: directory, varnish: varnish, vcl: text).run()
        }
    }

    private let place: BenchPlace
    private let directory: String
    private let varnish: String
    private let vcl: String

    private struct Report: Encodable {
        var bench = "pages"
        let config: String
        let requests, hits: Int
        let hitShare: Double
        let requestsPerSecond: Double
        let holds, changes: Int
        let unseen: Int
        let stalenessP50, stalenessP99, stalenessMax: Double
        let renderings, purgeCalls, purgedKeys: Int64

        enum CodingKeys: String, CodingKey {
            case bench, config, requests, hits, holds, changes, unseen, renderings
            case hitShare = "hit_share"
            case requestsPerSecond = "requests_per_s"
            case stalenessP50 = "staleness_p50_s"
            case stalenessP99 = "staleness_p99_s"
            case stalenessMax = "staleness_max_s"
            case purgeCalls = "purge_calls"
            case purgedKeys = "purged_keys"
        }
    }

    private func run() async throws {
        let arguments = place.invocation.arguments
        let seconds = arguments.number(BenchOptions.seconds) ?? 10
        let rate = arguments.number(Self.rate) ?? 80
        try await place.withSchema { schema in
            let sale = try await BenchSale.arena(in: schema)
            let buyers = rate * seconds
            try await sale.admit(buyers + 1)
            try await sale.fill(1)
            try await RoomServer.with(
                place,
                room: sale.onSale.publicID,
                words: [
                    "gateway", "--admin-port", "0", "--page-seconds", "60", "--log-level", "warning",
                ],
                environment: schema.environment,
                in: directory
            ) { server in
                try await behindVarnish(server, schema) { front in
                    let crowd = PageCrowd(
                        front: front,
                        onSale: sale.onSale,
                        postgres: schema.postgres,
                        loops: place.loops
                    )
                    try await crowd.warm()
                    let began = MonotonicTime.now
                    let readers = arguments.number(Self.readers) ?? 8
                    let lines = try await sale.lines(1..<buyers + 1)
                    let held = try await crowd.watch(readers: readers) {
                        try await server.hold(lines, count: buyers, over: .seconds(seconds)).report.successes
                    }
                    let took = MonotonicTime.now - began
                    try await print(crowd.findings, held: held, took: took, rate: rate, seconds, schema, sale)
                }
            }
        }
    }

    /// Runs `body` with a Varnish before the gateway, and those who tell it what has changed.
    private func behindVarnish(
        _ server: RoomServer,
        _ schema: BenchSchema,
        _ body: (HTTPEndpoint) async throws -> Void
    ) async throws {
        let port = try PortCheck.available(0, on: "127.0.0.1")
        let file = "\(directory)/usher.vcl"
        try FileSystem.write(
            vcl.replacing(".port = \"8080\"", with: ".port = \"\(server.port)\""),
            to: file
        )
        // No user of its own: it listens on this machine only, and is gone in a minute.
        let words = [
            "-F", "-j", "none", "-n", "\(directory)/varnish", "-a", "127.0.0.1:\(port)", "-f", file, "-s",
            "malloc,64m", "-T", "none",
        ]
        let front = try await BenchProcess.start(
            "varnish",
            program: varnish,
            words,
            environment: ["PATH": "/usr/bin:/bin:/usr/sbin"],
            log: "\(directory)/varnish.log"
        )
        var environment = OneAddress.environment().merging(schema.environment) { $1 }
        environment["USHER_PURGE_VARNISH"] = "http://127.0.0.1:\(port)"
        try await front.during {
            try await RoomServer.awaitAnswer(of: front, port)
            let worker = try await BenchProcess.start(
                "worker",
                ["worker", "--queues", "pages", "--log-level", "warning"],
                environment: environment,
                log: "\(directory)/worker.log"
            )
            try await worker.during {
                let consumers = try await BenchProcess.start(
                    "consumers",
                    ["events", "run", "--consumers", "pages", "--log-level", "warning"],
                    environment: environment,
                    log: "\(directory)/consumers.log"
                )
                try await consumers.during { try await body(HTTPEndpoint(host: "127.0.0.1", port: port)) }
            }
        }
    }

    private func print(
        _ findings: PageCrowd.Findings,
        held: Int,
        took: Duration,
        rate: Int,
        _ seconds: Int,
        _ schema: BenchSchema,
        _ sale: BenchSale
    ) async throws {
        let row = try await schema.postgres.query(
            Query(
                "bench_pages",
                """
                SELECT (SELECT renderings FROM page_renderings WHERE on_sale_id = \(sale.onSale.rawValue)),
                    (SELECT coalesce(sum(calls), 0)::bigint FROM page_caches),
                    (SELECT coalesce(sum(purged), 0)::bigint FROM page_caches)
                """
            )
        )[0]
        let ages = findings.ages.sorted()
        func age(_ share: Double) -> Double {
            ages.isEmpty ? 0 : ages[min(ages.count - 1, Int(Double(ages.count) * share))]
        }
        let report = Report(
            config:
                "12000 seats in 24 sections, \(rate) holds of 2 a second for \(seconds) s, s-maxage=60, Varnish told by BAN",
            requests: findings.requests,
            hits: findings.hits,
            hitShare: Double(findings.hits) / Double(max(1, findings.requests)),
            requestsPerSecond: Double(findings.requests) / max(0.001, took.seconds),
            holds: held,
            changes: ages.count + findings.unseen,
            unseen: findings.unseen,
            stalenessP50: age(0.5),
            stalenessP99: age(0.99),
            stalenessMax: ages.last ?? 0,
            renderings: try row[0],
            purgeCalls: try row[1],
            purgedKeys: try row[2]
        )
        Swift.print(try JSONLine.text(report))
    }
}
