package import HTTP
internal import Reactor

/// What stands in for OpenSearch: indexes, aliases and documents, and bulks as the contract has them.
///
/// It takes nothing that the contract doesn't allow, lets searches see what was there at the last refresh, and fails by dice.
///
/// Source: OpenSearch 2.x, Bulk API, Aliases API, Create index API; versions of the type `external`.
package final class SearchCluster: Sendable {
    /// A document and its version.
    package struct Document: Sendable, Equatable {
        package let version: Int64
        package let source: JSONValue

        package init(version: Int64, source: JSONValue) {
            self.version = version
            self.source = source
        }
    }

    struct Index {
        var documents: [String: Document] = [:]
        /// How many a search would see.
        var visible = 0
        var fields: Set<String>
    }

    struct State {
        var indexes: [String: Index] = [:]
        var aliases: [String: Set<String>] = [:]
        var complaints: [String] = []
        var requests = 0
        var bulks = 0
        var dice: TestDice?
        /// Whether nothing is answered but that it is a bad time.
        var isDown = false
        /// A number below a bound; nil while nothing is to go wrong.
        mutating func roll(_ bound: Int) -> Int? {
            guard var dice else { return nil }
            defer { self.dice = dice }
            return Int.random(in: 0..<bound, using: &dice)
        }

        /// How many an alias showed whenever that changed.
        var shown: [String: [Int]] = [:]
        var waiting:
            [(isMet: @Sendable (SearchCluster) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let state = Lock(State())

    package init() {}

    /// Serves one until `body` ends.
    package static func with(
        _ body: (_ cluster: SearchCluster, _ port: Int) async throws -> Void
    ) async throws {
        let cluster = SearchCluster()
        let loops = try EventLoopGroup(count: 1, name: "cluster")
        let server = HTTPServer(loops: loops) { request in .now(cluster.answer(request)) }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        do {
            try await body(cluster, port)
        } catch {
            await server.drain(deadline: .zero)
            loops.stop()
            throw error
        }
        await server.drain(deadline: .zero)
        loops.stop()
    }

    // MARK: What tests look at

    /// What was asked that the contract doesn't allow.
    package var complaints: [String] { state.withLock { $0.complaints } }
    /// How many bulks were answered, well or badly.
    package var bulks: Int { state.withLock { $0.bulks } }
    /// The names of all indexes.
    package var names: Set<String> { state.withLock { Set($0.indexes.keys) } }
    /// How many documents an alias showed, whenever that changed.
    package func shown(_ alias: String) -> [Int] { state.withLock { $0.shown[alias] ?? [] } }
    /// The indexes of an alias.
    package func indexes(of alias: String) -> Set<String> { state.withLock { $0.aliases[alias] ?? [] } }

    /// The documents of an alias or an index, by their ids.
    package func documents(_ name: String) -> [String: Document] {
        state.withLock { state in
            let index = state.aliases[name]?.first ?? name
            return state.indexes[index]?.documents ?? [:]
        }
    }

    /// Has a third of all that comes go wrong somehow, from now on; nil is none.
    package func fail(by dice: TestDice?) { state.withLock { $0.dice = dice } }

    /// Has it answer nothing, or all again.
    package func set(down: Bool) { state.withLock { $0.isDown = down } }

    /// Waits until it is as wanted, looking after each request.
    package func wait(until isMet: @escaping @Sendable (SearchCluster) -> Bool) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append((isMet, continuation)) }
            wake()
        }
    }

    private func wake() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting {
            if waiter.isMet(self) {
                waiter.continuation.resume()
            } else {
                state.withLock { $0.waiting.append(waiter) }
            }
        }
    }

    // MARK: Answering

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        let answer = state.withLock { state in
            state.requests += 1
            if state.isDown { return Self.error(503, "unavailable", "as it was told") }
            let trouble = state.roll(9)
            if trouble == 0 { return Self.error(429, "too_many_requests", "as the dice say") }
            if trouble == 1 { return Self.error(503, "unavailable", "as the dice say") }
            let answer = state.answer(request)
            // It is done, and nobody is told.
            return trouble == 2 ? Self.error(503, "unavailable", "as the dice say") : answer
        }
        wake()
        return answer
    }

    static func error(_ status: Int, _ type: String, _ reason: String) -> HTTPResponse {
        let body = JSONWriter.object { json in
            json.object("error") { json in
                json.field("type", type)
                json.field("reason", reason)
            }
            json.field("status", status)
        }
        return .json(body, status: status)
    }
}
