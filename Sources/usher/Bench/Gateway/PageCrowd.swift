internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// Those who look at the pages of an on-sale through a cache, and one who compares the seat map with the database.
final class PageCrowd: Sendable {
    /// What they found.
    struct Findings: Sendable {
        var requests = 0
        /// Answered by the cache.
        var hits = 0
        /// Seconds from each change of a band in the database until the seat map that the cache serves had it.
        var ages: [Double] = []
        /// Changes that it did not come to have.
        var unseen = 0
    }

    /// Bands that something had, and since when at the earliest.
    private struct Change {
        let band: String
        let since: MonotonicTime
    }

    private let front: HTTPEndpoint
    private let onSale: OnSaleID
    private let postgres: PostgresClient
    private let loops: EventLoopGroup
    private let found = Lock(Findings())
    private let isOver = Lock(false)

    init(front: HTTPEndpoint, onSale: OnSaleID, postgres: PostgresClient, loops: EventLoopGroup) {
        self.front = front
        self.onSale = onSale
        self.postgres = postgres
        self.loops = loops
    }

    var findings: Findings { found.withLock { $0 } }

    private var map: String { PageName.seatMap.path(of: onSale) }
    private var paths: [String] {
        [map, PageName.event("en").path(of: onSale), PageName.picture.path(of: onSale)]
    }

    /// Has the pages made, and waits until the cache has what the database says.
    func warm() async throws {
        let client = HTTPClient(loops: loops)
        for path in paths { _ = try await client.send(HTTPRequest(.get, path), to: front) }
        while try await served(client) != (try await bands()) {
            try await Task.sleep(for: .milliseconds(100))
        }
        await client.shutdown()
    }

    /// Has them look while `body` goes on, and until the map has what came of it, for ten seconds at the most.
    func watch<Value: Sendable>(readers: Int, _ body: () async throws -> Value) async throws -> Value {
        let client = HTTPClient(loops: loops)
        let value = try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<readers { group.addTask { try await self.read(client, from: reader) } }
            group.addTask { try await self.compare(client) }
            let value = try await body()
            isOver.withLock { $0 = true }
            try await group.waitForAll()
            return value
        }
        await client.shutdown()
        return value
    }

    private func read(_ client: HTTPClient, from first: Int) async throws {
        var turn = first
        while !isOver.withLock({ $0 }) {
            let answer = try await client.send(HTTPRequest(.get, paths[turn % paths.count]), to: front)
            guard answer.status == 200 else { throw Failure("the cache answered \(answer.status)") }
            found.withLock { found in
                found.requests += 1
                if answer.headers["X-Cache"] == "HIT" { found.hits += 1 }
            }
            turn += 1
            // As people look: not as fast as they are answered, or nothing is left of the machine for those who buy.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Looks at both again and again.
    ///
    /// A change happened after the look before it began; so what is found is never less than
    /// the truth, and more by a look at the most.
    private func compare(_ client: HTTPClient) async throws {
        var known = try await bands()
        var pending: [String: [Change]] = [:]
        var since = MonotonicTime.now
        var end: MonotonicTime?
        while true {
            let began = MonotonicTime.now
            let now = try await bands()
            for (name, band) in now where known[name] != band {
                pending[name, default: []].append(Change(band: band, since: since))
            }
            (known, since) = (now, began)
            let map = try await served(client)
            let at = MonotonicTime.now
            for (name, changes) in pending {
                guard let last = changes.lastIndex(where: { $0.band == map[name] }) else { continue }
                // What it had for less than a rendering's time, and has no more, was never to be seen.
                found.withLock { found in found.ages.append((at - changes[last].since).seconds) }
                let rest = Array(changes[(last + 1)...])
                pending[name] = rest.isEmpty ? nil : rest
            }
            if isOver.withLock({ $0 }) {
                let limit = end ?? at + .seconds(10)
                end = limit
                if pending.isEmpty || at > limit { break }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let left = pending.values.reduce(0) { $0 + $1.count }
        found.withLock { $0.unseen = left }
    }

    /// By section and tier, as the database has it.
    private func bands() async throws -> [String: String] {
        let rows = try await postgres.query(
            Query(
                "bench_pages_bands",
                """
                SELECT 's' || c.id, count(*), count(*) FILTER (WHERE s.state = 'free')
                FROM seats s JOIN sections c ON c.on_sale_id = s.on_sale_id AND c.ordinal = s.section
                WHERE s.on_sale_id = \(onSale.rawValue) GROUP BY c.id
                UNION ALL
                SELECT 't' || id, capacity, free FROM tiers WHERE on_sale_id = \(onSale.rawValue)
                """
            )
        )
        var bands: [String: String] = [:]
        for row in rows {
            let (capacity, free): (Int, Int) = (try row[1], try row[2])
            bands[try row[0]] = Availability(free: free, of: capacity).rawValue
        }
        return bands
    }

    /// The same as the cache serves it.
    private func served(_ client: HTTPClient) async throws -> [String: String] {
        let answer = try await client.send(HTTPRequest(.get, map), to: front)
        found.withLock { found in
            found.requests += 1
            if answer.headers["X-Cache"] == "HIT" { found.hits += 1 }
        }
        let json = try JSONValue(parsing: answer.body)
        var bands: [String: String] = [:]
        for (letter, list) in [("s", "sections"), ("t", "tiers")] {
            for element in json[list]?.array ?? [] {
                bands[letter + (element["id"]?.string ?? "")] = element["left"]?.string
            }
        }
        return bands
    }
}
