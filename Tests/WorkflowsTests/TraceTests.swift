import HTTP
import Jobs
import Postgres
import Reactor
import Synchronization
import Telemetry
import Testing
import TestSupport
import Tracing
import Worker
import Workflows

private struct Outer: Workflow {
    static let name = "outer"
    static let go = EventKey<String>("go")
    let seen: @Sendable (TraceContext?) -> Void

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        try await context.step("note") { _ in 1 }
        let word = try await context.first(on(Self.go) { $0 })
        let answer = try await context.child(Inner.self, word)
        try await context.step("mail") { tx in
            _ = try await JobStore(postgres: database).enqueue([NewJob(Mail.self, 1)], in: &tx)
        }
        return answer
    }

    let database: PostgresClient
}

private struct Inner: Workflow {
    static let name = "inner"
    let seen: @Sendable (TraceContext?) -> Void

    func run(_ context: WorkflowContext, _ input: String) async throws -> String {
        try await context.effect("call") { _ in
            seen(TraceContext.current)
            return "called \(input)"
        }
    }
}

private struct Mail: Job {
    static let name = "mail"

    func perform(_ context: JobContext, _ input: Int) async throws {}
}

/// A collector on this machine, with the spans it has been sent.
private final class Collector: Sendable {
    struct Span: Sendable {
        let name: String
        let id: String
        let parent: String?
        let trace: String
        let start: Int64
        let end: Int64
        let error: String?
    }

    let server: HTTPServer
    let url: String
    private let got: Received

    private final class Received: Sendable {
        let spans = Lock<[Span]>([])
        let refusals = Atomic<Int>(0)
        let requests = Atomic<Int>(0)
    }

    init(_ loops: EventLoopGroup, refusing refusals: Int = 0) async throws {
        let got = Received()
        got.refusals.store(refusals, ordering: .relaxed)
        self.got = got
        server = HTTPServer(loops: loops) { request in
            got.requests.add(1, ordering: .relaxed)
            guard request.path == "/collect/v1/traces", request.method == .post,
                request.headers["Content-Type"] == "application/json"
            else { return .now(.text("where?", status: 404)) }
            if got.refusals.load(ordering: .relaxed) > 0 {
                got.refusals.subtract(1, ordering: .relaxed)
                return .now(HTTPResponse(status: 503, headers: ["Retry-After": "0"]))
            }
            // The exporter counts what is refused, and the test misses the spans.
            guard let spans = try? Self.spans(of: request.body) else {
                return .now(.text("unreadable", status: 400))
            }
            got.spans.withLock { $0 += spans }
            return .now(.json(Array("{}".utf8)))
        }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        url = "http://127.0.0.1:\(port)/collect"
    }

    var spans: [Span] { got.spans.withLock { $0 } }
    var requests: Int { got.requests.load(ordering: .relaxed) }

    private struct Document: Decodable {
        struct Resource: Decodable { let scopeSpans: [Scope] }
        struct Scope: Decodable { let spans: [Wire] }
        struct Status: Decodable {
            let code: Int?
            let message: String?
        }
        struct Wire: Decodable {
            let traceId: String
            let spanId: String
            let parentSpanId: String?
            let name: String
            let kind: Int
            let startTimeUnixNano: String
            let endTimeUnixNano: String
            let status: Status
        }
        let resourceSpans: [Resource]
    }

    private static func spans(of body: [UInt8]) throws -> [Span] {
        let document = try JSONCoding.decode(Document.self, from: JSONB(bytes: body), what: "spans")
        return try document.resourceSpans.flatMap(\.scopeSpans).flatMap(\.spans).map { wire in
            Span(
                name: wire.name,
                id: wire.spanId,
                parent: wire.parentSpanId,
                trace: wire.traceId,
                start: try #require(Int64(wire.startTimeUnixNano)),
                end: try #require(Int64(wire.endTimeUnixNano)),
                error: wire.status.message
            )
        }
    }
}

/// One trace goes through everything that a call brings about.
@Suite(.timeLimit(.minutes(2)))
struct TraceTests {
    private static let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func `A traceparent is read and written as W3C has it, and a bad one is none`() throws {
        let context = try #require(TraceContext(traceparent: Self.caller))
        #expect(context.description == Self.caller)
        #expect(context.isSampled)
        #expect(context.spanID == 0x00f0_67aa_0ba9_02b7)
        let unsampled = Self.caller.dropLast() + "0"
        #expect(TraceContext(traceparent: String(unsampled))?.isSampled == false)
        // Of a later version what is known is read.
        #expect(TraceContext(traceparent: "cc" + Self.caller.dropFirst(2) + "-what") == context)
        for bad in [
            "", "00", Self.caller + "-x", "ff" + Self.caller.dropFirst(2), Self.caller.uppercased(),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "cc" + Self.caller.dropFirst(2) + "x", Self.caller.replacing("f067", with: "g067"),
        ] {
            #expect(TraceContext(traceparent: bad) == nil, "\(bad)")
        }
    }

    private func play(
        _ database: TestDatabase,
        trace: TraceContext?,
        tracer: Tracer?
    ) async throws -> (JobID, [TraceContext?]) {
        let seen = Lock<[TraceContext?]>([])
        var registry = WorkflowRegistry()
        registry.register(Outer(seen: { _ in }, database: database.client))
        registry.register(Inner { context in seen.withLock { $0.append(context) } })
        registry.register(Mail())
        let client = WorkflowClient(postgres: database.client)
        try await client.store.ensureQueue("default")
        let run = try await withWorker(database, registry, tracer: tracer) { _ in
            let run = try await client.start(Outer.self, "hello", trace: trace)
            try await database.reached(.waiting, run)
            _ = try await client.send(Outer.go, "world", to: run)
            #expect(try await database.ended(run).output?.text == "\"called world\"")
            _ = try await database.eventually("the mail is sent") {
                let left: Int64 = try await database.client.query(
                    Query(
                        "t",
                        """
                        SELECT count(*) FROM jobs
                        WHERE name = 'mail' AND standing(id, state, queue, rank) <> 'done'
                        """
                    )
                )[0][0]
                return left == 0 ? true : nil
            }
            return run
        }
        return (run, seen.withLock { $0 })
    }

    @Test func `One trace holds the run, its steps, its child and what that called, each in its place`()
        async throws
    {
        try await withDatabase { database in
            let loops = try EventLoopGroup(count: 1)
            let collector = try await Collector(loops, refusing: 1)
            let tracer = Tracer()
            let exporter = try OTLPExporter(
                tracer,
                to: collector.url,
                service: "test",
                interval: .milliseconds(10),
                loops: loops,
                logger: Logger(label: "test", level: .error)
            )
            let exporting = Task { await exporter.run() }
            let context = try #require(TraceContext(traceparent: Self.caller))
            let (_, seen) = try await play(database, trace: context, tracer: tracer)
            exporting.cancel()
            await exporting.value
            await collector.server.drain(deadline: .zero)
            #expect(tracer.dropped == 0)

            let spans = collector.spans
            #expect(Set(spans.map(\.trace)) == ["4bf92f3577b34da6a3ce929d0e0e4736"])
            #expect(Set(spans.map(\.id)).count == spans.count, "a replay made a span twice")
            #expect(spans.allSatisfy { $0.start > 1_600_000_000_000_000_000 && $0.start <= $0.end })
            func only(_ name: String) throws -> Collector.Span {
                let found = spans.filter { $0.name == name }
                try #require(found.count == 1, "\(name) is there \(found.count) times")
                return found[0]
            }
            let outer = try only("run outer")
            #expect(outer.parent == "00f067aa0ba902b7")
            #expect(try only("step note").parent == outer.id)
            #expect(try only("wait wait").parent == outer.id)
            #expect(try only("start child:inner").parent == outer.id)
            let inner = try only("run inner")
            #expect(inner.parent == (try only("start child:inner")).id)
            let call = try only("effect call")
            #expect(call.parent == inner.id)
            #expect(try only("job mail").parent == (try only("step mail")).id)
            #expect(spans.filter { $0.name == "go outer" }.count >= 2)
            #expect(spans.filter { $0.name == "go outer" }.allSatisfy { $0.parent == outer.id })
            // What the effect sends on is itself.
            #expect(seen.map { $0.map { $0.description.contains(call.id) } } == [true])
        }
    }

    @Test func `What is not sampled, or recorded nowhere, is passed on and leaves no spans`() async throws {
        try await withDatabase { database in
            let unsampled = try #require(TraceContext(traceparent: String(Self.caller.dropLast()) + "0"))
            let tracer = Tracer()
            let (_, seen) = try await play(database, trace: unsampled, tracer: tracer)
            #expect(tracer.take(upTo: 10).isEmpty)
            #expect(seen.map(\.?.traceID) == [unsampled.traceID])
            #expect(seen.map(\.?.isSampled) == [false])
        }
        try await withDatabase { database in
            let context = try #require(TraceContext(traceparent: Self.caller))
            let (_, seen) = try await play(database, trace: context, tracer: nil)
            #expect(seen.map(\.?.traceID) == [context.traceID])
            let (_, untraced) = try await play(database, trace: nil, tracer: nil)
            #expect(untraced == [nil])
        }
    }

    @Test func `A run that nobody traced begins a trace of its own`() async throws {
        try await withDatabase { database in
            let tracer = Tracer()
            _ = try await play(database, trace: nil, tracer: tracer)
            let spans = tracer.take(upTo: 100)
            #expect(Set(spans.map(\.context.traceID)).count == 1)
            #expect(spans.filter { $0.parentID == nil }.map(\.name) == ["run outer"])
        }
    }

    @Test func `A collector that is away makes nobody wait, and what does not fit is counted`() async throws {
        let loops = try EventLoopGroup(count: 1)
        let tracer = Tracer(capacity: 10)
        let context = try #require(TraceContext(traceparent: Self.caller))
        for number in 0..<25 {
            tracer.record(TraceSpan("s\(number)", context, parent: nil, start: 1, end: 2))
        }
        #expect(tracer.dropped == 15)
        let exporter = try OTLPExporter(
            tracer,
            to: "http://127.0.0.1:1",
            service: "test",
            interval: .seconds(3600),
            loops: loops,
            logger: Logger(label: "test", level: .error)
        )
        let exporting = Task { await exporter.run() }
        exporting.cancel()
        await exporting.value
        #expect(tracer.dropped == 25)
        #expect(throws: OTLPEndpointError.self) {
            try OTLPExporter(
                tracer,
                to: "https://collector",
                service: "test",
                loops: loops,
                logger: Logger(label: "test", level: .error)
            )
        }
    }
}
