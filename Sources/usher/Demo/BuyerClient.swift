internal import HTTP
internal import Reactor

/// A buyer's browser: one connection, and the patience to try again what may be tried again.
struct BuyerClient: Sendable {
    let connection: HTTPConnection
    /// For a second click, which does not wait for the first.
    let others: HTTPClient
    let endpoint: HTTPEndpoint
    let tally: DemoTally
    /// When trying again is over.
    let deadline: MonotonicTime

    /// An answer, with its body read.
    struct Answer: Sendable {
        let status: Int
        let body: JSONValue
        let retryAfter: Int?
        /// What the last attempt took.
        let took: Duration

        var isSuccess: Bool { (200..<300).contains(status) }
        var code: String? { body["code"]?.string }
    }

    /// Sends a request until it is answered with something else than "later".
    ///
    /// Connections that break and 503 are tried again with the same key and body, so nothing is done twice.
    /// A `second` click goes beside the connection. Nil when no answer came in all the time there is.
    func send(
        _ method: HTTPMethod,
        _ path: String,
        token: String? = nil,
        key: String? = nil,
        body: [UInt8] = [],
        second: Bool = false
    ) async -> Answer? {
        var request = HTTPRequest(method, path, body: body)
        if let token { request.headers.add("Authorization", "Bearer \(token)") }
        if let key { request.headers.add("Idempotency-Key", key) }
        if !body.isEmpty { request.headers.add("Content-Type", "application/json") }
        var delay = 0.2
        while MonotonicTime.now < deadline, !Task.isCancelled {
            let start = MonotonicTime.now
            var wait = Double.random(in: 0.5...1) * delay
            do {
                let response =
                    second
                    ? try await others.send(request, to: endpoint, timeout: .seconds(20))
                    : try await connection.send(request, timeout: .seconds(20))
                let after = response.headers["Retry-After"].flatMap { Int($0) }
                if ![429, 502, 503, 504].contains(response.status) {
                    let body =
                        response.body.isEmpty ? .null : (try? JSONValue(parsing: response.body)) ?? .null
                    return Answer(status: response.status, body: body, retryAfter: after, took: .now - start)
                }
                wait = max(wait, min(5, Double(after ?? 0)))
            } catch {
                // The server is away, or the connection broke: whether it was done is found out by asking again.
            }
            tally.change { $0.retries += 1 }
            delay = min(2, delay * 2)
            try? await Task.sleep(for: .seconds(wait))
        }
        return nil
    }
}
