internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// The stand-in payment server on its sockets: serves the desk, and sends its callbacks until they are taken.
final class PSPServer: Sendable {
    /// Where callbacks go to and how they are signed.
    struct CallbackTarget: Sendable {
        var endpoint: HTTPEndpoint
        var path: String
        var secret: String
    }

    private static let attempts = 8

    private let desk: Lock<PSPDesk>
    private let target: CallbackTarget?
    private let client: HTTPClient
    private let loops: EventLoopGroup
    private let logger: Logger
    private let pending: AsyncStream<PSPDesk.Callback>
    private let later: AsyncStream<PSPDesk.Callback>.Continuation

    init(
        behaviour: PSPBehaviour,
        apiKey: String,
        target: CallbackTarget?,
        loops: EventLoopGroup,
        logger: Logger
    ) {
        desk = Lock(PSPDesk(behaviour: behaviour, apiKey: apiKey))
        self.target = target
        self.loops = loops
        self.logger = logger
        client = HTTPClient(loops: loops)
        (pending, later) = AsyncStream.makeStream()
    }

    /// Listens; see ``HTTPServer/start(address:port:)``.
    ///
    /// - Returns: the server, to be drained, and its port.
    func start(address: String, port: Int) async throws -> (server: HTTPServer, port: Int) {
        let server = HTTPServer(loops: loops) { [self] request in reply(to: request) }
        return (server, try await server.start(address: address, port: port))
    }

    /// Sends callbacks until cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await callback in pending {
                group.addTask { await self.deliver(callback) }
            }
            group.cancelAll()
        }
    }

    private func reply(to request: HTTPRequest) -> Reply {
        let answer = desk.withLock { $0.handle(request) }
        for callback in answer.callbacks { later.yield(callback) }
        if answer.delay == 0 { return .now(answer.response) }
        return .later {
            try? await Task.sleep(for: .seconds(answer.delay))
            return answer.response
        }
    }

    private func deliver(_ callback: PSPDesk.Callback) async {
        var delay = callback.after
        for _ in 0..<Self.attempts {
            do {
                try await Task.sleep(for: .seconds(delay))
            } catch {
                return
            }
            guard let body = desk.withLock({ $0.callback(for: callback.reference) }) else { return }
            if await send(body) { return }
            delay = max(0.5, delay * 2)
        }
        logger.warning("callback given up", ["reference": callback.reference])
    }

    private func send(_ body: [UInt8]) async -> Bool {
        guard let target else { return true }
        let signature = WebhookSignature(secret: target.secret)
        let seconds = PostgresTimestamp.now.microseconds / 1_000_000
        let headers: HTTPHeaders = [
            "Content-Type": "application/json", WebhookSignature.header: signature.sign(body, at: seconds),
        ]
        let request = HTTPRequest(.post, target.path, headers: headers, body: body)
        let response = try? await client.send(request, to: target.endpoint, timeout: .seconds(5))
        return response.map { (200..<300).contains($0.status) } ?? false
    }
}
