package import HTTP
internal import Reactor

/// What stands in for Kafka keeps, and how it answers: version 2 of Confluent's REST Proxy, as far as records are written.
///
/// It takes nothing that the contract doesn't allow, keeps records by partition as brokers do, and fails as it is told to.
///
/// Source: Confluent REST Proxy API reference, v2, `POST /topics/{topic_name}`; CloudEvents 1.0.2.
package final class KafkaTopics: Sendable {
    /// A record as a consumer would read it.
    package struct Record: Sendable {
        package let partition: Int
        package let offset: Int
        package let key: String
        /// The fact's number, which is the CloudEvent's id.
        package let id: Int64
        package let value: JSONValue
    }

    /// How a request goes wrong.
    package enum Trouble: Sendable {
        /// It is answered so, and nothing is written.
        case status(Int, code: Int)
        /// It is answered so, and all is written nevertheless.
        case statusOnceWritten(Int, code: Int)
        /// Some records are not written, and have this code.
        case records(Set<Int>, code: Int)
        /// All is written, and no answer comes.
        case silence
        /// The answer is this, whatever was asked, and nothing is written.
        case answer(String)
    }

    /// What a request breaks of the contract.
    private struct Complaint: Error {
        let status: Int
        let code: Int
        let text: String
    }

    private struct State {
        var records: [Record] = []
        var ends: [Int: Int] = [:]
        var complaints: [String] = []
        var requests = 0
        var trouble: @Sendable (_ request: Int, _ records: Int) -> Trouble? = { _, _ in nil }
        var waiting: [(isMet: @Sendable ([Record]) -> Bool, continuation: CheckedContinuation<Void, Never>)] =
            []
        var silent: [CheckedContinuation<Void, Never>] = []
        var isOver = false
    }

    private static let partitions = 3
    private let topic: String
    private let authorization: String?
    private let state = Lock(State())

    init(topic: String, authorization: String?) {
        self.topic = topic
        self.authorization = authorization
    }

    /// All that was written, in the order in which it was.
    package var records: [Record] { state.withLock { $0.records } }
    /// What was asked that the contract doesn't allow.
    package var complaints: [String] { state.withLock { $0.complaints } }
    /// How many requests came.
    package var requests: Int { state.withLock { $0.requests } }

    /// Has requests go wrong: is asked with a request's number, from 1, and how many records it has.
    package func fail(_ trouble: @escaping @Sendable (_ request: Int, _ records: Int) -> Trouble?) {
        state.withLock { $0.trouble = trouble }
    }

    /// Waits until what was written is as wanted.
    package func wait(until isMet: @escaping @Sendable ([Record]) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if isMet(state.records) { return true }
                state.waiting.append((isMet, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Of each key the numbers of its facts in the order in which they were first written, which is what a consumer acts on.
    package var firsts: [String: [Int64]] {
        var seen: Set<Int64> = []
        var firsts: [String: [Int64]] = [:]
        for record in records where seen.insert(record.id).inserted {
            firsts[record.key, default: []].append(record.id)
        }
        return firsts
    }

    // MARK: Answering

    func answer(_ request: HTTPRequest) -> Reply {
        let records: [(key: String, id: Int64, value: JSONValue)]
        do throws(Complaint) {
            records = try check(request)
        } catch {
            state.withLock { state in
                state.requests += 1
                state.complaints.append(error.text)
            }
            return .now(Self.error(error.status, error.code, error.text))
        }
        let trouble = state.withLock { state in
            state.requests += 1
            return state.trouble(state.requests, records.count)
        }
        switch trouble {
        case .status(let status, let code): return .now(Self.error(status, code, "as it was told"))
        case .statusOnceWritten(let status, let code):
            _ = write(records, without: [], code: 0)
            return .now(Self.error(status, code, "as it was told"))
        case .answer(let text): return .now(.json(Array(text.utf8)))
        case .silence:
            _ = write(records, without: [], code: 0)
            return .later {
                await self.silence()
                return Self.error(500, 50_001, "too late")
            }
        case .records(let places, let code): return .now(write(records, without: places, code: code))
        case nil: return .now(write(records, without: [], code: 0))
        }
    }

    private func silence() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.silent.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    /// Ends what never answered.
    func end() {
        let silent = state.withLock { state in
            defer { state.silent = [] }
            state.isOver = true
            return state.silent
        }
        silent.forEach { $0.resume() }
    }

    private func write(
        _ records: [(key: String, id: Int64, value: JSONValue)],
        without failed: Set<Int>,
        code: Int
    ) -> HTTPResponse {
        let (body, met) = state.withLock { state in
            let body = JSONWriter.object { writer in
                writer.field("key_schema_id", JSONValue.null)
                writer.field("value_schema_id", JSONValue.null)
                writer.array("offsets") { offsets in
                    for (place, record) in records.enumerated() {
                        guard !failed.contains(place) else {
                            offsets.object {
                                $0.field("partition", JSONValue.null)
                                $0.field("offset", JSONValue.null)
                                $0.field("error_code", code)
                                $0.field("error", "as it was told")
                            }
                            continue
                        }
                        let partition =
                            record.key.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % 1_000_003 } % Self.partitions
                        let offset = state.ends[partition, default: 0]
                        state.ends[partition] = offset + 1
                        state.records.append(
                            Record(
                                partition: partition,
                                offset: offset,
                                key: record.key,
                                id: record.id,
                                value: record.value
                            )
                        )
                        offsets.object {
                            $0.field("partition", partition)
                            $0.field("offset", offset)
                            $0.field("error_code", JSONValue.null)
                            $0.field("error", JSONValue.null)
                        }
                    }
                }
            }
            let met = state.waiting.filter { $0.isMet(state.records) }.map(\.continuation)
            state.waiting.removeAll { $0.isMet(state.records) }
            return (body, met)
        }
        met.forEach { $0.resume() }
        return HTTPResponse(
            status: 200,
            headers: ["Content-Type": "application/vnd.kafka.v2+json"],
            body: body
        )
    }

    private static func error(_ status: Int, _ code: Int, _ message: String) -> HTTPResponse {
        .json(
            JSONWriter.object {
                $0.field("error_code", code)
                $0.field("message", message)
            },
            status: status,
            headers: ["Content-Type": "application/vnd.kafka.v2+json"]
        )
    }

    // MARK: The contract

    private func check(
        _ request: HTTPRequest
    ) throws(Complaint) -> [(key: String, id: Int64, value: JSONValue)] {
        func need(_ holds: Bool, _ text: String, status: Int = 422, code: Int = 42_201) throws(Complaint) {
            guard !holds else { return }
            throw Complaint(status: status, code: code, text: text)
        }
        if let authorization {
            try need(request.headers["Authorization"] == authorization, "who?", status: 401, code: 401)
        }
        try need(request.method == .post, "\(request.method) can't be", status: 405, code: 405)
        try need(
            request.target == "/topics/\(topic)",
            "no topic \(request.target)",
            status: 404,
            code: 40_401
        )
        let type = request.headers["Content-Type"]
        try need(
            type == "application/vnd.kafka.json.v2+json",
            "type \(type ?? "none")",
            status: 415,
            code: 415
        )
        try need(
            request.headers["Accept"] == "application/vnd.kafka.v2+json",
            "accept",
            status: 406,
            code: 406
        )
        let body: JSONValue
        do {
            body = try JSONValue(parsing: request.body)
        } catch {
            throw Complaint(status: 400, code: 400, text: "\(error)")
        }
        guard case .object(let members) = body, members.map(\.name) == ["records"],
            let elements = body["records"]?.array, !elements.isEmpty
        else { throw Complaint(status: 422, code: 42_201, text: "the body is not {\"records\": […]}") }
        var records: [(key: String, id: Int64, value: JSONValue)] = []
        for element in elements {
            guard case .object(let members) = element, members.map(\.name).sorted() == ["key", "value"],
                let key = element["key"]?.string, let value = element["value"]
            else { throw Complaint(status: 422, code: 42_201, text: "a record is not {\"key\", \"value\"}") }
            let id = value["id"]?.string.flatMap { Int64($0) }
            guard let id else { throw Complaint(status: 422, code: 42_201, text: "an event has no id") }
            try need(value["specversion"]?.string == "1.0", "\(id): specversion")
            try need(value["source"]?.string == "/v1/on-sales/\(key)", "\(id): source")
            try need(value["partitionkey"]?.string == key, "\(id): partitionkey")
            try need(value["type"]?.string?.hasPrefix("usher.") == true, "\(id): type")
            try need(value["time"]?.string?.hasSuffix("Z") == true, "\(id): time")
            try need(value["datacontenttype"]?.string == "application/json", "\(id): datacontenttype")
            if case .object = value["data"] {} else { try need(false, "\(id): data") }
            records.append((key, id, value))
        }
        return records
    }
}

/// ``KafkaTopics`` behind a port.
package final class KafkaStandIn: Sendable {
    /// What it keeps.
    package let topics: KafkaTopics
    /// Where it listens.
    package let port: Int
    private let server: HTTPServer
    private let loops: EventLoopGroup

    /// Runs `body` beside one that has a single topic.
    ///
    /// - Parameters:
    ///   - topic: The topic that there is.
    ///   - authorization: What each request must present; nil is nothing.
    ///   - body: What is done beside it.
    /// - Throws: What `body` throws.
    package static func with(
        topic: String = "facts",
        authorization: String? = nil,
        _ body: (KafkaStandIn) async throws -> Void
    ) async throws {
        let standIn = try await KafkaStandIn(KafkaTopics(topic: topic, authorization: authorization))
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(standIn))
        } catch {
            outcome = .failure(error)
        }
        standIn.topics.end()
        await standIn.server.drain(deadline: .zero)
        standIn.loops.stop()
        try outcome.get()
    }

    private init(_ topics: KafkaTopics) async throws {
        self.topics = topics
        loops = try EventLoopGroup(count: 1, name: "kafka")
        server = HTTPServer(loops: loops) { topics.answer($0) }
        port = try await server.start(address: "127.0.0.1", port: 0)
    }
}
