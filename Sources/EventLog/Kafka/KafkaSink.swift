package import HTTP
internal import Reactor
package import Telemetry

/// Writes facts to a topic of Kafka's, through its HTTP proxy (Confluent's REST Proxy, API version 2).
///
/// A record's key is its on-sale, so that all of an on-sale are in one partition and in order; its value is the fact's
/// CloudEvent.
package final class KafkaSink: FactSink {
    /// Where and how to write.
    package struct Settings: Sendable {
        /// The proxy.
        package var proxy: HTTPEndpoint
        /// What stands before `/topics` in its paths, such as `/kafka`; nothing, mostly.
        package var path = ""
        /// The topic's name.
        package var topic: String
        /// What the proxy is told of who we are, as in `Basic …`.
        package var authorization: String?
        /// The most records of one on-sale that a request may have; with one, no failure can turn two round.
        package var recordsPerKey = 1
        /// The most records of a request.
        package var batch = 500
        /// About how many bytes a request may have.
        package var batchBytes = 1 << 20
        /// How long an answer may take.
        package var timeout = Duration.seconds(30)
        /// How long to wait after a failure, at first.
        package var firstBackoff = Duration.milliseconds(100)
        /// How long to wait after a failure, at most.
        package var longestBackoff = Duration.seconds(15)

        /// Makes settings.
        package init(proxy: HTTPEndpoint, topic: String) {
            self.proxy = proxy
            self.topic = topic
        }
    }

    private let settings: Settings
    private let connection: HTTPConnection
    private let onSale: @Sendable (Int64) -> String
    private let logger: Logger

    /// Makes a sink; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - settings: Where and how to write.
    ///   - client: Connects.
    ///   - logger: Hears of failures.
    ///   - onSale: How an on-sale is called outside, such as `os_7`.
    package init(
        _ settings: Settings,
        client: HTTPClient,
        logger: Logger = Logger(label: "kafka"),
        onSale: @escaping @Sendable (Int64) -> String
    ) {
        self.settings = settings
        self.logger = logger
        self.onSale = onSale
        connection = client.connection(to: settings.proxy)
    }

    package func tell(_ facts: [Fact]) async throws {
        let records = facts.map { fact in
            let name = onSale(fact.onSale)
            return KafkaRecord(key: name, value: CloudEvent(fact, onSale: name).bytes)
        }
        var queue = KafkaQueue(records, perKey: settings.recordsPerKey)
        var backoff = settings.firstBackoff
        while !queue.isEmpty {
            try Task.checkCancellation()
            let batch = queue.next(count: settings.batch, bytes: settings.batchBytes)
            let complaint: String?
            switch try await write(batch) {
            case .refused(let reason): throw KafkaProblem(description: reason)
            case .failed(let reason):
                queue.settle(batch.map { _ in false })
                complaint = reason
            case .fates(let fates):
                queue.settle(fates.map { $0 == .written })
                complaint = try Self.complaint(fates, of: batch)
            }
            guard let complaint else {
                backoff = settings.firstBackoff
                continue
            }
            logger.warning("records wait", ["topic": settings.topic, "reason": complaint])
            try await Task.sleep(for: backoff)
            backoff = min(backoff * 2, settings.longestBackoff)
        }
    }

    /// Why some were not written; throws when one never will be.
    private static func complaint(_ fates: [KafkaAnswer.Fate], of batch: [KafkaRecord]) throws -> String? {
        var complaint: String?
        for (fate, record) in zip(fates, batch) {
            switch fate {
            case .written: continue
            case .postponed(let reason): complaint = complaint ?? reason
            case .refused(let reason):
                throw KafkaProblem(description: "a record of \(record.key) was refused: \(reason)")
            }
        }
        return complaint
    }

    private func write(_ batch: [KafkaRecord]) async throws -> KafkaAnswer {
        var headers: HTTPHeaders = [
            "Content-Type": "application/vnd.kafka.json.v2+json",
            "Accept": "application/vnd.kafka.v2+json",
        ]
        if let authorization = settings.authorization { headers.add("Authorization", authorization) }
        let request = HTTPRequest(
            .post,
            "\(settings.path)/topics/\(settings.topic)",
            headers: headers,
            body: Self.body(batch)
        )
        do {
            return KafkaAnswer(
                try await connection.send(request, timeout: settings.timeout),
                to: batch.count
            )
        } catch let error as HTTPClientError {
            // Whether it was written is not known: it is written again.
            guard error.code != .cancelled, error.code != .shutDown else { throw CancellationError() }
            return .failed("\(error)")
        }
    }

    static func body(_ batch: [KafkaRecord]) -> [UInt8] {
        JSONWriter.object { writer in
            writer.array("records") { records in
                for record in batch {
                    records.object {
                        $0.field("key", record.key)
                        $0.field("value", raw: record.value)
                    }
                }
            }
        }
    }
}
