internal import BoxOffice
internal import HTTP
internal import Reactor

/// What was found lately, by what was looked for: the same search is made at most once in two seconds, however many make it.
///
/// No more than a few are made at a time, whatever else waits for the database.
final class Searches: Sendable {
    private struct Kept {
        var answer: HTTPResponse
        var until: MonotonicTime
    }

    private final class Keeper: Sendable {
        let answers = Lock<[SearchRequest: Kept]>([:])
    }

    private static let keptFor = Duration.seconds(2)
    private static let keptAtMost = 1_000
    private static let atOnce = 4

    /// Makes the searches that are asked for; those who ask for the same meanwhile share it.
    let reader: Batcher<SearchRequest, HTTPResponse>
    private let keeper: Keeper

    init(reads: SharedReads) {
        let keeper = Keeper()
        self.keeper = keeper
        reader = Batcher(limit: 16, backlog: 2_000, committers: Self.atOnce) { asked in
            var answers: [SearchRequest: HTTPResponse] = [:]
            for request in asked where answers[request] == nil {
                if let answer = Self.kept(request, keeper) {
                    answers[request] = answer
                    continue
                }
                let page = try await reads.read { database in
                    try await Search(database).find(
                        request.question,
                        after: request.cursor,
                        limit: request.limit
                    )
                }.value
                let answer = SearchDocument.response(page)
                answers[request] = answer
                keeper.answers.withLock { answers in
                    if answers.count >= Self.keptAtMost { answers = [:] }
                    answers[request] = Kept(answer: answer, until: .now + Self.keptFor)
                }
            }
            return asked.map { answers[$0] ?? .problem(.internalError) }
        }
    }

    /// The answer, if it was made within the last two seconds.
    func fromMemory(_ request: SearchRequest) -> HTTPResponse? { Self.kept(request, keeper) }

    private static func kept(_ request: SearchRequest, _ keeper: Keeper) -> HTTPResponse? {
        guard let kept = keeper.answers.withLock({ $0[request] }), kept.until > .now else { return nil }
        return kept.answer
    }
}

/// What a search answers.
enum SearchDocument {
    static func response(_ page: Search.Page) -> HTTPResponse {
        let body = JSONWriter.object { json in
            json.array("on_sales") { list in
                for entry in page.entries { list.object { write(entry, to: &$0) } }
            }
            json.field("next", page.next?.text)
            json.field("corrected", page.isMistyped)
            guard let facets = page.facets, let count = page.count else { return }
            json.field("count", count)
            json.field("capped", page.isCapped)
            json.object("facets") { json in
                for name in Search.facetNames {
                    json.array(name) { list in
                        for facet in facets[name] ?? [] {
                            list.object { json in
                                json.field("value", name == "price" ? band(facet.value) : facet.value)
                                json.field("count", facet.count)
                            }
                        }
                    }
                }
            }
        }
        return .json(body, headers: ["Cache-Control": "public, s-maxage=2"])
    }

    private static func write(_ entry: SearchEntry, to json: inout JSONWriter) {
        json.field("id", entry.id.publicID)
        json.field("title", entry.title)
        json.field("venue", entry.venue)
        json.field("city", entry.city)
        json.field("genre", entry.genre)
        json.field("state", entry.state)
        json.field("event_at", entry.eventAt.map { "\($0)" })
        json.field("opens_at", "\(entry.opensAt)")
        json.field("starts_at", "\(entry.startsAt)")
        json.field("closes_at", "\(entry.closesAt)")
        json.money("price_from", entry.priceFrom, entry.currency)
        json.money("price_to", entry.priceTo, entry.currency)
        json.field("availability", entry.availability.rawValue)
    }

    /// `0-2500`, `2501-5000`, …, `20001-`: from and to an amount in minor units.
    private static func band(_ ordinal: String) -> String {
        let bands = Search.priceBands
        guard let index = Int(ordinal), (0...bands.count).contains(index) else { return ordinal }
        let from = index == 0 ? 0 : bands[index - 1] + 1
        return index < bands.count ? "\(from)-\(bands[index])" : "\(from)-"
    }
}
