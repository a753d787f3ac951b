internal import HTTP
package import Reactor

/// Stands in for a cache that is told to forget, and holds who tells it to the letter of what they agreed.
package final class CacheStandIn: Sendable {
    /// What it was asked.
    package struct Call: Sendable, Hashable {
        package let method: String
        package let target: String
        /// Of the field `Surrogate-Key`.
        package let keys: [String]
        /// Of the field that the token is agreed to be in.
        package let token: String?
        package let body: String
    }

    private struct State {
        var calls: [Call] = []
        /// What the next calls are answered.
        var answers: [Int] = []
        var breaches: [String] = []
    }

    private let state = Lock(State())
    private let bell = Bell()

    /// What it was asked and did, oldest first.
    package var calls: [Call] { state.withLock { $0.calls } }
    /// In what it was asked otherwise than agreed.
    package var breaches: [String] { state.withLock { $0.breaches } }

    private init() {}

    /// Answers the next calls so, and does nothing for them.
    package func refuse(with answers: [Int]) { state.withLock { $0.answers = answers } }

    /// Waits until what it did is enough.
    package func wait(until isEnough: ([Call]) -> Bool) async throws {
        try await bell.wait { isEnough(calls) }
    }

    /// Runs one on a port of its own.
    ///
    /// - Parameters:
    ///   - loops: serve it.
    ///   - methods: those that it knows.
    ///   - tokenField: the field in which it wants a token; nil where it wants none.
    ///   - body: is given it and its address.
    /// - Throws: `HTTPServerError`; what the body throws.
    package static func run(
        on loops: EventLoopGroup,
        methods: Set<String> = ["BAN", "PURGE"],
        tokenField: String? = nil,
        _ body: (CacheStandIn, String) async throws -> Void
    ) async throws {
        let cache = CacheStandIn()
        let server = HTTPServer(loops: loops) {
            .now(cache.answer($0, methods: methods, tokenField: tokenField))
        }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        do {
            try await body(cache, "http://127.0.0.1:\(port)")
        } catch {
            await server.drain(deadline: .zero)
            throw error
        }
        await server.drain(deadline: .zero)
    }

    private func answer(_ request: HTTPRequest, methods: Set<String>, tokenField: String?) -> HTTPResponse {
        let field = request.headers["Surrogate-Key"]
        let call = Call(
            method: request.method.rawValue,
            target: request.target,
            keys: field?.split(separator: " ", omittingEmptySubsequences: false).map(String.init) ?? [],
            token: tokenField.flatMap { request.headers[$0] },
            body: String(decoding: request.body, as: UTF8.self)
        )
        defer { bell.ring() }
        return state.withLock { state in
            let isKeyed = call.keys.allSatisfy { $0.wholeMatch(of: /[A-Za-z0-9_-]+/) != nil }
            if !methods.contains(call.method) { state.breaches.append("method \(call.method)") }
            if !isKeyed || Set(call.keys).count != call.keys.count || call.keys.count > 100 {
                state.breaches.append("keys \(field ?? "")")
            }
            if call.method == "BAN", call.keys.isEmpty { state.breaches.append("a ban of nothing") }
            if tokenField != nil, call.token == nil { return HTTPResponse(status: 401) }
            guard state.answers.isEmpty else { return HTTPResponse(status: state.answers.removeFirst()) }
            state.calls.append(call)
            return HTTPResponse(status: 200)
        }
    }
}
