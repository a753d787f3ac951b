internal import BoxOffice
internal import HTTP
internal import Reactor

/// What the cluster does not take, or not now.
struct OpenSearchProblem: Error, CustomStringConvertible {
    let description: String
}

/// A cluster of OpenSearch's or Elasticsearch's, as far as on-sales are copied to it.
///
/// Documents are read by an alias and written by one of each index's own, which goes when its index goes: so a write that
/// comes too late never makes an index anew.
///
/// Source: OpenSearch 2.x, Bulk API, Aliases API, Create index API; the same in Elasticsearch from 7.10 on.
struct OpenSearchCluster: Sendable {
    /// How a request is made again.
    struct Patience: Sendable {
        var attempts = 6
        var first = Duration.milliseconds(100)
        var longest = Duration.seconds(2)
    }

    let endpoint: HTTPEndpoint
    /// What the paths of the cluster begin with, as behind a proxy.
    var path = ""
    var authorization: String?
    var patience = Patience()
    let client: HTTPClient

    // MARK: Documents

    /// Writes entries to an index, each unless a later one is there.
    ///
    /// What the cluster can't take now is sent again, that part alone. Returns when all are there.
    ///
    /// - Throws: ``OpenSearchProblem`` when one is refused, or the cluster is away for longer.
    func write(_ entries: [SearchEntry], to index: String) async throws {
        var bulk = OpenSearchBulk(entries, to: Self.writer(of: index))
        var attempt = 0
        while !bulk.isEmpty {
            let answer = try await send(
                .post,
                "/_bulk?require_alias=true",
                type: "application/x-ndjson",
                body: bulk.body
            )
            if answer.status == 413, bulk.halve() { continue }
            guard answer.status == 200 else { throw Self.problem(answer, "a bulk") }
            try bulk.take(answer.body)
            guard !bulk.isEmpty else { return }
            attempt += 1
            guard attempt < patience.attempts else {
                throw OpenSearchProblem(description: "the cluster is too busy for \(bulk.count) documents")
            }
            try await pause(after: attempt)
        }
    }

    /// Lets searches see what was written.
    func refresh(_ index: String) async throws { try await succeed(.post, "/\(index)/_refresh") }

    // MARK: Indexes

    /// The alias by which an index is written.
    static func writer(of index: String) -> String { "\(index)-writer" }

    /// The indexes that an alias is of.
    func indexes(of alias: String) async throws -> [String] {
        let answer = try await send(.get, "/_alias/\(alias)")
        if answer.status == 404 { return [] }
        return try names(answer)
    }

    /// The numbers of all indexes of a name.
    func numbers(of name: String) async throws -> [Int] {
        let answer = try await send(.get, "/\(name)-*/_alias")
        if answer.status == 404 { return [] }
        return try names(answer).compactMap { index in
            index.hasPrefix(name + "-") ? Int(index.dropFirst(name.count + 1)) : nil
        }.sorted()
    }

    /// Makes an index.
    ///
    /// - Returns: False when it is there already.
    func create(_ index: String) async throws -> Bool {
        let answer = try await send(
            .put,
            "/\(index)",
            body: OpenSearchDocument.index(writer: Self.writer(of: index))
        )
        if answer.status == 400, Self.type(answer) == "resource_already_exists_exception" { return false }
        guard answer.status == 200 else { throw Self.problem(answer, "the index \(index)") }
        return true
    }

    /// Has an alias be of one index and of none of some others, in one step.
    func point(_ alias: String, to index: String, insteadOf others: [String]) async throws {
        let body = JSONWriter.object { json in
            json.array("actions") { list in
                for (action, index) in others.map({ ("remove", $0) }) + [("add", index)] {
                    list.object { json in
                        json.object(action) { json in
                            json.field("index", index)
                            json.field("alias", alias)
                        }
                    }
                }
            }
        }
        let answer = try await send(.post, "/_aliases", body: body)
        // Of a request that was done, and whose answer was lost, the second one finds nothing to remove.
        if answer.status != 200, try await indexes(of: alias) == [index] { return }
        guard answer.status == 200 else { throw Self.problem(answer, "the alias \(alias)") }
    }

    /// Removes an index, if it is there.
    func delete(_ index: String) async throws {
        let answer = try await send(.delete, "/\(index)")
        guard answer.status == 200 || answer.status == 404 else {
            throw Self.problem(answer, "removing \(index)")
        }
    }

    // MARK: Asking

    private func names(_ answer: HTTPResponse) throws -> [String] {
        guard answer.status == 200, case .object(let members) = try? JSONValue(parsing: answer.body) else {
            throw Self.problem(answer, "the aliases")
        }
        return members.map(\.name)
    }

    private func succeed(_ method: HTTPMethod, _ target: String, body: [UInt8] = []) async throws {
        let answer = try await send(method, target, body: body)
        guard answer.status == 200 else { throw Self.problem(answer, target) }
    }

    /// Sends a request until it is answered with more than that this is a bad time.
    ///
    /// All requests here come to the same when they are made twice.
    private func send(
        _ method: HTTPMethod,
        _ target: String,
        type: String = "application/json",
        body: [UInt8] = []
    ) async throws -> HTTPResponse {
        var headers: HTTPHeaders = [:]
        if !body.isEmpty { headers.add("Content-Type", type) }
        if let authorization { headers.add("Authorization", authorization) }
        let request = HTTPRequest(method, path + target, headers: headers, body: body)
        var attempt = 0
        while true {
            attempt += 1
            let isLast = attempt >= patience.attempts
            do {
                let answer = try await client.send(request, to: endpoint)
                guard [429, 502, 503, 504].contains(answer.status), !isLast else { return answer }
            } catch let error as HTTPClientError {
                guard error.code != .cancelled, error.code != .shutDown else { throw CancellationError() }
                guard !isLast else { throw OpenSearchProblem(description: "\(endpoint): \(error)") }
            }
            try await pause(after: attempt)
        }
    }

    private func pause(after attempt: Int) async throws {
        try await Task.sleep(for: min(patience.first * (1 << min(attempt - 1, 10)), patience.longest))
    }

    private static func type(_ answer: HTTPResponse) -> String? {
        (try? JSONValue(parsing: answer.body))?["error"]?["type"]?.string
    }

    private static func problem(_ answer: HTTPResponse, _ what: String) -> OpenSearchProblem {
        let text = String(decoding: answer.body.prefix(300), as: UTF8.self)
        return OpenSearchProblem(description: "\(what): the cluster answers \(answer.status): \(text)")
    }
}
