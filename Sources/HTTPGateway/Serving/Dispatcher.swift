internal import BoxOffice
internal import HTTP
internal import Reactor
internal import Synchronization
internal import Telemetry

/// Finds the operation of a request, has it answered, and counts.
struct Dispatcher: Sendable {
    /// An object, so that finding one counts one reference and not one for each field.
    private final class Route: Sendable {
        let operation: Operation
        let seconds: Histogram
        let refused: Counter

        init(operation: Operation, seconds: Histogram, refused: Counter) {
            (self.operation, self.seconds, self.refused) = (operation, seconds, refused)
        }
    }

    private let router: Router<Route>
    private let services: Services
    private let unrouted: Counter
    private let openAPI: Asset
    private let assets = PageAssets()
    private let tracer: Tracer?
    private let crossOrigin: CrossOrigin?

    init(services: Services, metrics: MetricsRegistry, tracer: Tracer?, origins: [String]) {
        self.tracer = tracer
        crossOrigin = CrossOrigin(origins)
        self.services = services
        unrouted = metrics.counter(
            "usher_http_unrouted_total",
            help: "Requests that no call of the API answers."
        )
        router = Router(
            Operation.all.map { operation in
                let route = Route(
                    operation: operation,
                    seconds: metrics.histogram(
                        "usher_http_request_seconds",
                        help: "How long answers took.",
                        labels: ["call": operation.id]
                    ),
                    refused: metrics.counter(
                        "usher_http_problems_total",
                        help: "Answers with a status of 400 or more.",
                        labels: ["call": operation.id]
                    )
                )
                return .init(operation.method, operation.path, route)
            }
        )
        let document = OpenAPIDocument.bytes(Operation.all)
        openAPI = Asset(
            document,
            type: "application/json",
            tag: Hex.encode(Digest.sha256(document).prefix(12)),
            caching: "public, max-age=300"
        )
    }

    /// Answers a request; on the loop.
    func answer(_ request: HTTPRequest) -> Reply {
        let began = MonotonicTime.now
        let match: Router<Route>.Match
        do {
            if request.path == OpenAPIDocument.path, request.method == .get || request.method == .head {
                return .now(openAPI.response(to: request))
            }
            if request.path.hasPrefix(PageAssets.root), request.method == .get || request.method == .head {
                return .now(try assets.response(to: request))
            }
            if request.method == .options { return .now(try options(request)) }
            match = try router.match(request.method, request.path)
        } catch {
            unrouted.increment()
            return .now(.problem(error))
        }
        let route = match.handler
        let trace = CallTrace(request, tracer)
        let call = Call(request: request, parameters: match.parameters)
        switch trace.within({ reply(to: route.operation, call) }) {
        case .now(var response):
            finish(&response, request, route, since: began)
            trace.end(route.operation.id, response.status)
            return .now(response)
        case .channel(var offer):
            offer.call = route.operation.id
            trace.end(route.operation.id, 101)
            return .channel(offer)
        case .later(let work):
            return .later {
                var response = await trace.within(work)
                finish(&response, request, route, since: began)
                trace.end(route.operation.id, response.status)
                return response
            }
        }
    }

    private func reply(to operation: Operation, _ call: Call) -> Reply {
        do {
            switch operation.handler {
            case .direct(let handler): return try handler(services, call)
            case .staff(let handler):
                let proof = try StaffDoor.proof(call)
                return services.later { [services] in
                    let holder = try await services.staff.holder(of: proof, from: call.request)
                    try await services.staff.admit(holder, to: operation, call)
                    return try await handler(services, call, holder)
                }
            }
        } catch {
            return .now(services.problem(error))
        }
    }

    /// What can be done here, and by pages of other origins.
    private func options(_ request: HTTPRequest) throws(Problem) -> HTTPResponse {
        var response = HTTPResponse(status: 204)
        // The server as a whole.
        guard request.target != "*" else { return response }
        let routes = try router.routes(at: request.path)
        var methods = routes.map(\.method.rawValue)
        if methods.contains("GET") { methods.append("HEAD") }
        response.headers.add("Allow", (methods + ["OPTIONS"]).joined(separator: ", "))
        let open = routes.filter { CrossOrigin.concerns($0.handler.operation.access) }
        crossOrigin?.allow(open.map(\.method.rawValue), to: request, in: &response)
        return response
    }

    private func finish(
        _ response: inout HTTPResponse,
        _ request: HTTPRequest,
        _ route: Route,
        since began: MonotonicTime
    ) {
        response.call = route.operation.id
        if let crossOrigin, CrossOrigin.concerns(route.operation.access) {
            crossOrigin.show(&response, to: request)
        }
        let took = MonotonicTime.now - began
        route.seconds.observe(took)
        services.health.count(route.operation.id, status: response.status, took: took)
        if response.status >= 400 { route.refused.increment() }
    }
}
