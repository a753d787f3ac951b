internal import BoxOffice
internal import EventLog
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// `usher events bridge`: passes the event log on to other systems, from the server's own log.
enum BridgeCommand {
    static let proxy = Option(
        "proxy",
        .text("URL"),
        environment: "USHER_KAFKA_PROXY",
        help: "Kafka's HTTP proxy (REST Proxy, API v2), as in http://127.0.0.1:8082"
    )
    static let topic = Option(
        "topic",
        .text("NAME"),
        environment: "USHER_KAFKA_TOPIC",
        help: "The topic that facts are written to"
    )
    static let authorization = Option(
        "authorization",
        .text("TEXT"),
        environment: "USHER_BRIDGE_AUTHORIZATION",
        help:
            "The Authorization field that the other side wants, as in Basic dTpw; better set in the environment"
    )
    static let perKey = Option(
        "records-per-key",
        .number(1...10_000),
        environment: "USHER_KAFKA_RECORDS_PER_KEY",
        initial: "1",
        help:
            "The most facts of one on-sale in a request; with more than one it is faster, and a failure may repeat some"
    )
    static let consumer = Option(
        "consumer",
        .text("NAME"),
        initial: "kafka",
        help: "The name by which the position is kept among the log's consumers"
    )
    static let slot = Option(
        "slot",
        .text("NAME"),
        environment: "USHER_KAFKA_SLOT",
        help: "The replication slot; by default usher_facts_SCHEMA_CONSUMER"
    )
    static let resync = Option(
        "resync",
        .flag,
        help: "Go on from a new slot, with what the log has: for when the slot is lost"
    )
    static let mostRetained = Option(
        "most-retained",
        .text("SIZE"),
        environment: "USHER_MOST_RETAINED",
        help:
            "How much of its log the server may keep for the slot, as in 10GB: beyond it the slot is dropped, and that is said"
    )
    static let remove = Option("remove", .flag, help: "Drop slot, publication and position, and end")

    static let command = Command(
        "bridge",
        "Pass the event log on to other systems",
        subcommands: [kafka, OpenSearchCommand.command]
    )

    private static let kafka = Command(
        "kafka",
        "Write the event log to a topic of Kafka's",
        discussion: """
            Facts are read from the server's own log by logical decoding (wal_level = logical, a role with REPLICATION), and
            written in the order of the event log, keyed by on-sale. After a crash those that were written last may come
            again. One process works; others with the same slot wait for its end.
            """,
        options: [
            proxy, topic, authorization, perKey, consumer, slot, resync, mostRetained, remove,
        ] + Option.database,
        endsInOrder: true
    ) { invocation in
        let given = invocation.arguments
        let isRemoving = given.flag(remove)
        let most = try given.text(mostRetained).map { text in
            guard let bytes = ByteSize.bytes(text) else {
                throw UsageError(
                    command: invocation.path,
                    message: "--most-retained takes a size such as 500MB or 10GB, not \"\(text)\""
                )
            }
            return bytes
        }
        let written = isRemoving ? nil : try target(invocation)
        let place = try await Workplace.open(invocation, connections: 4, isServing: true)
        try await place.checkSchema()
        var settings = FactCapture.Settings(
            name: given.text(consumer) ?? "kafka",
            slot: given.text(slot),
            mostRetained: most
        )
        let client = HTTPClient(loops: place.loops)
        let logger = invocation.logger("kafka")
        let sink: any FactSink
        if let written {
            settings.batch = written.batch
            sink = KafkaSink(written, client: client, logger: logger) { OnSaleID(rawValue: $0).publicID }
        } else {
            sink = NoSink()
        }
        let capture = FactCapture(
            postgres: place.postgres,
            schema: place.schema,
            settings: settings,
            sink: sink,
            logger: invocation.logger("capture")
        )
        do {
            if isRemoving {
                try await capture.remove()
            } else {
                logger.info("running", ["slot": capture.slot.name, "topic": written?.topic ?? ""])
                try await run(capture, resyncs: given.flag(resync), invocation, logger)
            }
        } catch let problem as CaptureProblem {
            throw Failure("\(problem)")
        } catch let problem as KafkaProblem {
            throw Failure("\(problem)")
        } catch let error as PostgresError {
            throw Failure("\(error)")
        }
        await client.shutdown()
        await place.close()
    }

    /// Where to write, as it was given.
    private static func target(_ invocation: Invocation) throws -> KafkaSink.Settings {
        let given = invocation.arguments
        func missing(_ option: Option) -> UsageError {
            UsageError(command: invocation.path, message: "\(option.usage) is missing")
        }
        guard let url = given.text(proxy) else { throw missing(proxy) }
        guard let topic = given.text(topic) else { throw missing(topic) }
        guard let endpoint = HTTPEndpoint(url: url) else {
            throw UsageError(
                command: invocation.path,
                message: "--proxy takes a URL such as http://127.0.0.1:8082, not \"\(url)\""
            )
        }
        let isName = topic.utf8.count <= 249 && topic != "." && topic != ".."
        guard isName, topic.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
        else {
            throw UsageError(
                command: invocation.path,
                message: "--topic takes letters, digits, dots, underscores and hyphens, not \"\(topic)\""
            )
        }
        var settings = KafkaSink.Settings(proxy: endpoint, topic: topic)
        let path = url.dropFirst(7).drop { $0 != "/" }
        settings.path = String(path.hasSuffix("/") ? path.dropLast() : path)
        settings.authorization = given.text(authorization)
        settings.recordsPerKey = given.number(perKey) ?? 1
        return settings
    }

    /// Captures until the program is told to end, and says every minute how far it is.
    private static func run(
        _ capture: FactCapture,
        resyncs: Bool,
        _ invocation: Invocation,
        _ logger: Logger
    ) async throws {
        let capturing = Task {
            // Whoever waits for the end has to hear of this one, too.
            defer { invocation.stop.make() }
            try await capture.run(resyncs: resyncs)
        }
        let telling = Task {
            while true {
                try await Task.sleep(for: .seconds(60))
                let report = capture.report
                logger.info(
                    "passed on",
                    [
                        "facts": report.count, "position": report.told,
                        "behind_s": report.behind.components.seconds,
                        "behind_bytes": report.behindBytes, "retained_bytes": report.retained,
                    ]
                )
            }
        }
        await invocation.stop.wait()
        telling.cancel()
        capturing.cancel()
        // An end that was asked for is none to complain of; what broke before it is.
        do { try await capturing.value } catch is CancellationError {}
    }

    /// For what tells nothing.
    private struct NoSink: FactSink {
        func tell(_ facts: [Fact]) async throws {}
    }
}
