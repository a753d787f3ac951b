internal import BoxOffice
internal import HTTP

/// What is said on `/v1/on-sales/{id}/live`.
enum LiveDocument {
    /// The state of the on-sale; `status` is the ETag of `/status`, which has the rest.
    static func tick(_ onSale: OnSaleSnapshot, isStale: Bool) -> ChannelMessage {
        let facts = onSale.facts
        let text = JSONWriter.object { json in
            json.field("type", "tick")
            json.field("seq", facts.seq)
            json.field("state", facts.publishedState)
            json.field("serving", facts.serving)
            json.field("last", facts.last)
            json.field("rate_per_minute", facts.ratePerMinute)
            json.field("status", onSale.status(isStale: isStale).tag)
            json.field("as_of", "\(facts.readAt)")
            json.field("stale", isStale)
        }
        return ChannelMessage(text, id: facts.seq)
    }

    /// Where one's own place stands.
    static func place(
        _ place: PlaceID,
        _ standing: PlaceStanding,
        _ onSale: OnSaleSnapshot,
        isStale: Bool
    ) -> ChannelMessage {
        ChannelMessage(
            JSONWriter.object { json in
                json.field("type", "place")
                PlaceDocument.write(place, standing, onSale, isStale: isStale, to: &json)
            }
        )
    }

    /// What a reservation does.
    static func reservation(_ view: ReservationView, isExpiring: Bool) -> ChannelMessage {
        ChannelMessage(
            JSONWriter.object { json in
                json.field("type", "reservation")
                ReservationDocument.write(view, to: &json)
                json.field("expiring", isExpiring)
            }
        )
    }

    /// What a client said can't be done.
    static func refusal(_ problem: Problem) -> ChannelMessage {
        ChannelMessage(
            JSONWriter.object { json in
                json.field("type", "problem")
                json.field("code", problem.code)
                json.field("detail", problem.detail ?? problem.title)
            }
        )
    }

    /// This gateway stops; another one is there.
    static func bye(retryAfter milliseconds: Int) -> ChannelMessage {
        ChannelMessage(
            JSONWriter.object { json in
                json.field("type", "bye")
                json.field("retry_after_ms", milliseconds)
            }
        )
    }

    /// What a client wants to hear of.
    enum Wish: Equatable {
        /// `{"type": "place", "token": "pt_…"}`.
        case place(token: String)
        /// `{"type": "reservation", "reservation": "rs_…", "token": "at_…"}`; our own page can't read its token, and leaves it out.
        case reservation(String, token: String?)
    }

    /// Reads what a client said.
    ///
    /// - Throws: ``Problem`` 400 that says what is taken.
    static func wish(in text: [UInt8]) throws(Problem) -> Wish {
        let accepted =
            #"only {"type": "place", "token": "…"} and "#
            + #"{"type": "reservation", "reservation": "…", "token": "…"} are taken here"#
        if let value = try? JSONValue(parsing: text) {
            switch (value["type"]?.string, value["token"]) {
            case ("place", .string(let token)?): return .place(token: token)
            case ("reservation", let token):
                if let id = value["reservation"]?.string, token == nil || token?.string != nil {
                    return .reservation(id, token: token?.string)
                }
            default: break
            }
        }
        throw .malformedJSON.with(detail: accepted)
    }
}
