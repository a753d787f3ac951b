internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// Seat states by section, read at most once a second per on-sale however many ask.
final class SeatMaps: Sendable {
    private struct Kept {
        var document: HTTPResponse
        var until: MonotonicTime
    }

    /// Reads the maps that are asked for; everyone who asks meanwhile shares the next reading.
    let reader: Batcher<OnSaleID, HTTPResponse>
    private let kept: Keeper

    private final class Keeper: Sendable {
        let documents = Lock<[OnSaleID: Kept]>([:])
    }

    init(reads: SharedReads) {
        let kept = Keeper()
        self.kept = kept
        reader = Batcher(limit: 10_000, committers: 1) { asked in
            var documents: [OnSaleID: HTTPResponse] = [:]
            for id in Set(asked) {
                let seats = try await reads.read { try await Stock.seats(of: id, from: $0) }.value
                let document = Self.document(id, seats)
                documents[id] = document
                kept.documents.withLock { documents in
                    if documents.count > 1_000 { documents = [:] }
                    documents[id] = Kept(document: document, until: .now + .seconds(1))
                }
            }
            return asked.map { documents[$0] ?? .problem(.internalError) }
        }
    }

    /// The map, if it was read within the last second.
    func fromMemory(_ id: OnSaleID) -> HTTPResponse? {
        guard let kept = kept.documents.withLock({ $0[id] }), kept.until > .now else { return nil }
        return kept.document
    }

    private static func document(_ id: OnSaleID, _ sections: [SectionSeats]) -> HTTPResponse {
        let body = JSONWriter.object { json in
            json.field("on_sale", id.publicID)
            json.object("states") { states in
                states.field("f", "free")
                states.field("w", "withheld")
                states.field("h", "held")
                states.field("p", "paying")
                states.field("s", "sold")
            }
            json.array("sections") { list in
                for section in sections {
                    list.object { json in
                        json.field("id", section.id)
                        json.field("name", section.name)
                        json.field("tier", section.tier)
                        json.array("rows") { rows in
                            for row in section.rows {
                                rows.object { json in
                                    json.field("label", row.label)
                                    json.array("numbers") { for number in row.numbers { $0.value(number) } }
                                    json.field("states", row.states)
                                    json.array("accessible") { numbers in
                                        for number in row.accessible { numbers.value(number) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return .json(body, headers: ["Cache-Control": "public, s-maxage=1"])
    }
}
