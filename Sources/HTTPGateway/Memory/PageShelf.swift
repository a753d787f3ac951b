internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Reactor

/// The pages that were made for everybody, served from memory once the table has said that they are still the same.
///
/// The table is asked once for all who ask at a time, and after they have asked: a cache that was told to forget a page never
/// gets the one from before. So this reads from the primary, and keeps nothing for a time.
final class PageShelf: Sendable {
    /// What is kept of a page.
    private struct Kept: Sendable {
        let asset: Asset
        let headers: HTTPHeaders
        let etag: String

        init(_ page: RenderedPage, caching: String) {
            asset = Asset(
                page.body,
                type: page.contentType,
                tag: String(page.etag.dropFirst().dropLast()),
                caching: caching
            )
            etag = page.etag
            // Fastly and our Varnish call them the one, Cloudflare and others the other.
            var headers: HTTPHeaders = [
                "Surrogate-Key": page.keys.joined(separator: " "),
                "Cache-Tag": page.keys.joined(separator: ","),
            ]
            if !page.policy.isEmpty { headers.add("Content-Security-Policy", page.policy) }
            self.headers = headers
        }

        func response(to request: HTTPRequest) -> HTTPResponse {
            var response = asset.response(to: request)
            for field in headers.fields { response.headers.add(field.name, field.value) }
            return response
        }
    }

    private final class Keeper: Sendable {
        let pages = Lock<[RenderedPage.Key: Kept]>([:])
        /// On-sales that there were not, and until when that is believed.
        let unknown = Lock<[OnSaleID: MonotonicTime]>([:])
        /// What an older program made, and somebody has been asked to make anew.
        let outdated = Lock<Set<OnSaleID>>([])
    }

    private static let keptAtMost = 1_000
    /// How long caches keep that there is no such page, and we that there is no such on-sale.
    private static let unknownSeconds = 2

    private let keeper: Keeper
    private let reader: Batcher<RenderedPage.Key, Kept?>
    private let seconds: Int

    /// - Parameters:
    ///   - postgres: the primary.
    ///   - seconds: how long shared caches keep a page that nobody purges.
    init(postgres: PostgresClient, seconds: Int) {
        let keeper = Keeper()
        self.keeper = keeper
        self.seconds = seconds
        let renderer = PageRenderer(postgres: postgres)
        let store = JobStore(postgres: postgres)
        let caching = Self.caching(seconds)
        reader = Batcher(limit: 1_000, committers: 1) { asked in
            let wanted = Set(asked)
            var answers: [RenderedPage.Key: Kept] = [:]
            func look(for keys: Set<RenderedPage.Key>) async throws {
                let had = keeper.pages.withLock { pages in pages.filter { keys.contains($0.key) } }
                let known = keys.map { ($0, had[$0]?.etag ?? "") }
                let found = try await RenderedPage.find(
                    Dictionary(known) { first, _ in first },
                    in: postgres
                )
                for (key, page) in found {
                    switch page {
                    case .same: answers[key] = had[key]
                    case .other(let page):
                        let kept = Kept(page, caching: caching)
                        answers[key] = kept
                        keeper.pages.withLock { pages in
                            if pages.count >= Self.keptAtMost { pages = [:] }
                            pages[key] = kept
                        }
                        guard page.renderer < RenderedPage.renderer else { continue }
                        let isNew = keeper.outdated.withLock { $0.insert(key.onSale).inserted }
                        if isNew { _ = try await store.offer([try RenderPages.job(for: key.onSale)]) }
                    }
                }
            }
            try await look(for: wanted)
            // Filed before there were pages, or a moment ago: whoever asks first has them made.
            let missing = wanted.filter { answers[$0] == nil }
            for id in Set(missing.map(\.onSale)) where try await renderer.render(id) == nil {
                keeper.unknown.withLock { unknown in
                    if unknown.count >= Self.keptAtMost { unknown = [:] }
                    unknown[id] = .now + .seconds(Self.unknownSeconds)
                }
            }
            if !missing.isEmpty { try await look(for: missing) }
            return asked.map { answers[$0] }
        }
    }

    /// Answers those who ask until ``close()``.
    func run(on loops: EventLoopGroup) async { await reader.run(on: loops) }

    /// Refuses who asks from now on.
    func close() { reader.close() }

    /// A page, or 404; neither depends on who asks.
    ///
    /// - Throws: `PostgresError` when the table can't be asked and the page is not in memory.
    func response(_ key: RenderedPage.Key, to request: HTTPRequest) async throws -> HTTPResponse {
        if let until = keeper.unknown.withLock({ $0[key.onSale] }), until > .now { return Self.unknown }
        do {
            guard let kept = try await reader.submit(key) else { return Self.unknown }
            return kept.response(to: request)
        } catch {
            guard let kept = fromMemory(key, to: request) else { throw error }
            return kept
        }
    }

    /// A page as it was when it was asked for last, for the time that the database is away.
    func fromMemory(_ key: RenderedPage.Key, to request: HTTPRequest) -> HTTPResponse? {
        guard let kept = keeper.pages.withLock({ $0[key] }) else { return nil }
        var response = kept.response(to: request)
        response.headers["Cache-Control"] = Self.caching(1)
        return response
    }

    /// Browsers ask each time, which a cache answers; caches keep a page until it is purged, or for so long.
    private static func caching(_ seconds: Int) -> String {
        "public, max-age=0, s-maxage=\(seconds), stale-while-revalidate=\(max(1, seconds / 2)), "
            + "stale-if-error=86400"
    }

    /// What there is no page of, for everybody.
    static var unknown: HTTPResponse {
        var response = Problem.unknownOnSale.response
        response.headers.add("Cache-Control", "public, max-age=0, s-maxage=\(unknownSeconds)")
        return response
    }
}
