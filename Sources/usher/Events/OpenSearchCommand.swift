internal import BoxOffice
internal import EventLog
internal import Glibc
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// `usher events bridge opensearch`: what can be searched, in a cluster of OpenSearch's or Elasticsearch's.
enum OpenSearchCommand {
    private static let url = Option(
        "url",
        .text("URL"),
        environment: "USHER_OPENSEARCH_URL",
        help: "The cluster, as in http://127.0.0.1:9200"
    )
    private static let index = Option(
        "index",
        .text("NAME"),
        environment: "USHER_OPENSEARCH_INDEX",
        initial: "usher",
        help: "The alias that searches ask; its indexes are NAME-1 and so on"
    )
    private static let reindex = Option(
        "reindex",
        .flag,
        help: "Fill a new index first and have it take the old one's place, while searches go on"
    )

    static let command = Command(
        "opensearch",
        "Keep a search cluster at what can be searched of the on-sales",
        discussion: """
            Writes what the consumer search has made of the log, each document with the number of its last event as its version.
            Any number may run; each takes its share of the parts.
            """,
        options: [url, index, BridgeCommand.authorization, reindex] + Option.database,
        endsInOrder: true
    ) { invocation in
        let given = invocation.arguments
        guard let text = given.text(url) else {
            throw UsageError(command: invocation.path, message: "--url URL is missing")
        }
        guard let endpoint = HTTPEndpoint(url: text) else {
            throw UsageError(
                command: invocation.path,
                message: "--url takes a URL such as http://127.0.0.1:9200, not \"\(text)\""
            )
        }
        let name = given.text(index) ?? "usher"
        guard isName(name) else {
            throw UsageError(
                command: invocation.path,
                message: "--index takes small letters, digits, hyphens and underscores, not \"\(name)\""
            )
        }
        let place = try await Workplace.open(invocation, connections: 6, isServing: true)
        try await place.checkSchema()
        let client = HTTPClient(loops: place.loops)
        let path = text.dropFirst(7).drop { $0 != "/" }
        let cluster = OpenSearchCluster(
            endpoint: endpoint,
            path: String(path.hasSuffix("/") ? path.dropLast() : path),
            authorization: given.text(BridgeCommand.authorization),
            client: client
        )
        let bridge = OpenSearchBridge(
            name,
            cluster: cluster,
            postgres: place.postgres,
            member: "\(getpid())-\(UInt32.random(in: 0...UInt32.max))",
            logger: invocation.logger("opensearch")
        )
        do {
            try await run(bridge, reindexes: given.flag(reindex), place, invocation)
        } catch let problem as OpenSearchProblem {
            throw Failure("\(problem)")
        } catch let refusal as FactCursors.Refusal {
            throw Failure(refusal.description)
        }
        await client.shutdown()
        await place.close()
    }

    private static func run(
        _ bridge: OpenSearchBridge,
        reindexes: Bool,
        _ place: Workplace,
        _ invocation: Invocation
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await place.postgres.run() }
            group.addTask {
                await invocation.stop.wait()
                bridge.stop()
            }
            defer {
                // Whoever waits for the end has to hear of this one, too.
                invocation.stop.make()
                group.cancelAll()
            }
            try await bridge.run(reindexes: reindexes)
        }
    }

    private static func isName(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && text.first?.isLetter == true
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }
}
