internal import BoxOffice
internal import HTTP

/// How an on-sale looks as a document.
enum OpenSearchDocument {
    /// One line of JSON.
    static func bytes(_ entry: SearchEntry) -> [UInt8] {
        JSONWriter.object { json in
            json.field("id", entry.id.publicID)
            json.field("title", entry.title)
            json.field("venue", entry.venue)
            json.field("city", entry.city)
            json.field("genre", entry.genre)
            json.field("currency", entry.currency)
            json.field("event_at", entry.eventAt.map { "\($0)" })
            json.field("opens_at", "\(entry.opensAt)")
            json.field("starts_at", "\(entry.startsAt)")
            json.field("closes_at", "\(entry.closesAt)")
            json.field("price_from", entry.priceFrom)
            json.field("price_to", entry.priceTo)
            json.field("state", entry.state)
            json.field("availability", entry.availability.rawValue)
        }
    }

    /// What an index of them is made with.
    static func index(writer: String) -> [UInt8] {
        JSONWriter.object { json in
            json.object("aliases") { $0.object(writer) { _ in } }
            json.object("mappings") { json in
                json.field("dynamic", "strict")
                json.object("properties") { json in
                    for (names, type) in [
                        (["id", "currency", "state", "availability"], "keyword"),
                        (["event_at", "opens_at", "starts_at", "closes_at"], "date"),
                        (["price_from", "price_to"], "long"),
                    ] {
                        for name in names { json.object(name) { $0.field("type", type) } }
                    }
                    for name in ["title", "venue", "city", "genre"] {
                        json.object(name) { json in
                            json.field("type", "text")
                            // For facets.
                            json.object("fields") { $0.object("keyword") { $0.field("type", "keyword") } }
                        }
                    }
                }
            }
        }
    }
}
