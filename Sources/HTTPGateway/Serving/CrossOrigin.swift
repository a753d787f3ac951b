internal import HTTP

/// Pages of other origins that may make the buyers' calls, as a promoter's own shop does.
///
/// The calls of promoters and operators are for programs and for the gateway's own pages.
///
/// Source: WHATWG Fetch §3.3.
struct CrossOrigin: Sendable {
    private static let requestHeaders =
        "Authorization, Content-Type, Idempotency-Key, If-None-Match, traceparent, tracestate"
    private static let responseHeaders = "ETag, Location, Retry-After, X-Request-Id"

    private let origins: Set<String>
    private let allowsAll: Bool

    /// - Parameter origins: such as `https://shop.example`; `*` is any.
    init?(_ origins: [String]) {
        guard !origins.isEmpty else { return nil }
        self.origins = Set(origins)
        allowsAll = origins.contains("*")
    }

    /// Whether a browser lets pages of other origins make the call if this says so.
    static func concerns(_ access: Operation.Access) -> Bool {
        switch access {
        case .anyone, .place, .placeIfAny, .admission: true
        case .staff, .session, .signIn, .paymentProvider: false
        }
    }

    /// Answers what a browser asks before the call.
    func allow(_ methods: [String], to request: HTTPRequest, in response: inout HTTPResponse) {
        guard request.headers["Access-Control-Request-Method"].map(methods.contains) == true else { return }
        guard name(request, in: &response) else { return }
        response.headers.add("Access-Control-Allow-Methods", methods.joined(separator: ", "))
        response.headers.add("Access-Control-Allow-Headers", Self.requestHeaders)
        response.headers.add("Access-Control-Max-Age", "7200")
    }

    /// Lets the page that made the call read the answer.
    func show(_ response: inout HTTPResponse, to request: HTTPRequest) {
        guard name(request, in: &response) else { return }
        response.headers.add("Access-Control-Expose-Headers", Self.responseHeaders)
    }

    /// Names the origin that may; an answer that depends on it says so to caches, even where it names none.
    private func name(_ request: HTTPRequest, in response: inout HTTPResponse) -> Bool {
        if allowsAll {
            response.headers.add("Access-Control-Allow-Origin", "*")
            return true
        }
        response.headers.add("Vary", "Origin")
        guard let origin = request.headers["Origin"], origins.contains(origin) else { return false }
        response.headers.add("Access-Control-Allow-Origin", origin)
        return true
    }
}
