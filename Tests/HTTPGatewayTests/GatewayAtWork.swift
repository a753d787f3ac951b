import EventLog
import HTTP
import Postgres
import Reactor
import Scheduler
import Telemetry
import TestSupport
import Testing
import Worker
import Workflows

@testable import BoxOffice
@testable import HTTPGateway

/// A gateway on sockets of its own, with workers and a scheduler behind it, and someone to talk to it.
struct GatewayAtWork: Sendable {
    static let paymentSecret = "a secret of the payment provider"

    let database: TestDatabase
    let gateway: Gateway
    /// The pool that only the gateway uses.
    let pool: PostgresClient
    let client: HTTPClient
    let api: HTTPEndpoint
    let admin: HTTPEndpoint
    let promoterKey: String
    let operatorKey: String

    /// Sends a request and reads the answer's JSON.
    func send(
        _ method: HTTPMethod,
        _ target: String,
        _ body: String? = nil,
        token: String? = nil,
        headers: HTTPHeaders = [:]
    ) async throws -> Answer {
        var request = HTTPRequest(method, target, headers: headers, body: Array((body ?? "").utf8))
        if let token { request.headers["Authorization"] = "Bearer \(token)" }
        if body != nil { request.headers["Content-Type"] = "application/json" }
        return Answer(try await client.send(request, to: api))
    }

    /// Asks again and again, without a limit of its own: the suite has one.
    func poll(
        _ target: String,
        token: String? = nil,
        until isReached: (Answer) -> Bool
    ) async throws -> Answer {
        while true {
            let answer = try await send(.get, target, token: token)
            if isReached(answer) { return answer }
            try await database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
        }
    }

    /// Moves the database's clock.
    func shiftClock(seconds: Int) async throws {
        try await database.client.execute(
            Query("test.shift", "UPDATE clock SET shift = shift + make_interval(secs => \(Double(seconds)))")
        )
    }

    /// Schedules an on-sale whose room is open and whose start is an hour away; the balcony has ten seats.
    func schedule(
        standing: Int = 20,
        rate: Int = 6_000,
        buyers: String = "anonymous",
        balcony: String = #"{"row": "A", "seats": "1-10"}"#,
        capacity: Int? = nil,
        draw: String = "{}",
        opensIn: Int = -60,
        title: String = "An evening",
        more: String = ""
    ) async throws -> String {
        let now = PostgresTimestamp.now
        let plan = """
            {"title": "\(title)", \(more)"venue": "Hall", "city": "Leipzig", "currency": "EUR",
             "opens_at": "\(now + .seconds(opensIn))", "starts_at": "\(now + .seconds(3600))",
             "closes_at": "\(now + .seconds(86_400))",
             "rate_per_minute": \(rate), "active_limit": 100, "buyers": "\(buyers)", "draw": \(draw),
             "capacity": \(capacity ?? standing + 10), "turn_seconds": 600, "session_seconds": 1200, "max_per_buyer": 4, "hold_seconds": 600,
             "tiers": [{"id": "standing", "name": "Standing", "price": 3200},
                       {"id": "seated", "name": "Seated", "price": 4500}],
             "sections": [
                {"id": "S", "name": "Stalls", "tier": "standing", "standing": \(standing)},
                {"id": "B", "name": "Balcony", "tier": "seated", "rows": [\(balcony)]}]}
            """
        let answer = try await send(.post, "/v1/promoter/on-sales", plan, token: promoterKey)
        #expect(answer.status == 201, "\(answer)")
        return try #require(answer["id"]?.string)
    }

    /// Waits until the room is open and takes a place.
    func join(
        _ onSale: String,
        secret: String = Base64URL.encode(SecureBytes.random(16))
    ) async throws -> Place {
        _ = try await poll("/v1/on-sales/\(onSale)/status") { $0["state"]?.string != "scheduled" }
        let answer = try await send(.post, "/v1/on-sales/\(onSale)/places", "{\"secret\": \"\(secret)\"}")
        #expect(answer.status == 201, "\(answer)")
        return Place(id: try #require(answer["place"]?.string), token: try #require(answer["token"]?.string))
    }

    /// Waits until the place is called and comes in.
    func admit(_ place: Place) async throws -> String {
        _ = try await poll("/v1/places/\(place.id)", token: place.token) { $0["state"]?.string == "called" }
        let answer = try await send(.post, "/v1/places/\(place.id)/admission", token: place.token)
        #expect(answer.status == 200, "\(answer)")
        return try #require(answer["admission_token"]?.string)
    }

    func reserve(_ body: String, _ admission: String, key: String) async throws -> Answer {
        try await send(.post, "/v1/reservations", body, token: admission, headers: ["Idempotency-Key": key])
    }
}

struct Place: Sendable {
    let id: String
    let token: String
}

/// A response with its JSON.
struct Answer: Sendable, CustomStringConvertible {
    let response: HTTPResponse
    let json: JSONValue?

    init(_ response: HTTPResponse) {
        self.response = response
        json = try? JSONValue(parsing: response.body)
    }

    var status: Int { response.status }
    var code: String? { json?["code"]?.string }

    subscript(name: String) -> JSONValue? { json?[name] }

    var description: String { "\(status) \(String(decoding: response.body, as: UTF8.self))" }
}

/// A provider that takes every payment but `declined`.
private struct EasyProvider: PaymentProvider {
    private func report(_ reference: String, _ state: PaymentReport.State) -> PaymentReport {
        PaymentReport(reference: reference, providerReference: "p-\(reference)", state: state)
    }

    func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport {
        report(request.reference, request.method == "declined" ? .declined : .authorised)
    }

    func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        report(reference, .captured)
    }

    func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        report(reference, .voided)
    }

    func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        report(reference, .refunded)
    }

    func status(of reference: String) async throws -> PaymentReport? { nil }
}

private struct SilentChannel: NotificationChannel {
    func deliver(_ message: OutgoingMessage) async throws {}
}

/// Runs `body` with a gateway and all that stands behind it.
///
/// With `caches`, be they none, pages are made anew when something changes, and those caches are told.
func withGateway(
    caches: PageCaches? = nil,
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    register: (inout WorkflowRegistry) -> Void = { _ in },
    _ body: (GatewayAtWork) async throws -> Void
) async throws {
    try await withDatabase(pool: .init(maximum: 6)) { database in
        let logger = Logger(label: "test", level: .error)
        var registry = WorkflowRegistry()
        registry.register(Reservation(payments: EasyProvider()))
        registry.register(VoidPayment(payments: EasyProvider()))
        registry.register(RefundReservation(payments: EasyProvider(), postgres: database.client))
        let reservations = Reservations(
            postgres: database.client,
            workflows: WorkflowClient(postgres: database.client),
            starter: EagerStarter(postgres: database.client, registry: registry, logger: logger)
        )
        registry.register(CancelReservations(reservations: reservations))
        registry.register(Notify(channel: SilentChannel()))
        register(&registry)
        if let caches {
            registry.register(RenderPages(postgres: database.client, caches: caches))
            registry.register(PurgePages(postgres: database.client, caches: caches, logger: logger))
            try await PurgePages.prepare(database.client)
        }
        registry.register(OnSaleLifecycle())
        registry.register(AdmissionTick(orders: DrawOrders()))
        registry.register(TellEveryone(orders: DrawOrders()))
        let pool = database.makeClient(.init(maximum: 6))
        var configuration = GatewayConfiguration(
            port: 0,
            adminPort: 0,
            paymentSecret: GatewayAtWork.paymentSecret,
            paymentMethods: ["good", "declined"]
        )
        configure(&configuration)
        let gateway = Gateway(
            postgres: pool,
            loops: database.loops,
            registry: registry,
            configuration: configuration,
            logger: logger
        )
        let worker = JobWorker(
            postgres: database.client,
            registry: registry,
            configuration: WorkerConfiguration(
                queues: registry.queues.sorted(),
                capacity: 64,
                pollInterval: .milliseconds(20)
            ),
            logger: logger
        )
        let scheduler = JobScheduler(
            postgres: database.client,
            name: "test",
            configuration: SchedulerConfiguration(promoteInterval: .milliseconds(10)),
            logger: logger
        )
        var following = ConsumerRunner.Configuration()
        following.pause = .milliseconds(10)
        let runner = ConsumerRunner(
            postgres: database.client,
            consumers: caches == nil ? [] : [PageUpdates()],
            member: "test",
            configuration: following,
            logger: logger
        )
        let keys = APIKeys(postgres: database.client)
        let promoterKey = try await keys.add(role: .promoter, label: "test")
        let operatorKey = try await keys.add(role: .operator, label: "test")
        let (listening, signal) = AsyncThrowingStream.makeStream(of: Gateway.Ports.self)
        let client = HTTPClient(loops: database.loops)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await gateway.run { signal.yield($0) }
                } catch {
                    signal.finish(throwing: error)
                    throw error
                }
            }
            group.addTask { try await worker.run() }
            group.addTask { await scheduler.run() }
            group.addTask { await runner.run() }
            let outcome: Result<Void, any Error>
            do {
                var ports = listening.makeAsyncIterator()
                let bound = try #require(try await ports.next())
                try await body(
                    GatewayAtWork(
                        database: database,
                        gateway: gateway,
                        pool: pool,
                        client: client,
                        api: HTTPEndpoint(host: "127.0.0.1", port: bound.api),
                        admin: HTTPEndpoint(host: "127.0.0.1", port: bound.admin),
                        promoterKey: promoterKey,
                        operatorKey: operatorKey
                    )
                )
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            gateway.drain()
            worker.stop()
            scheduler.stop()
            runner.stop()
            await client.shutdown()
            try await group.waitForAll()
            await pool.shutdown()
            try outcome.get()
        }
    }
}
