internal import BoxOffice
internal import HTTP

extension Operation {
    /// A spot for what comes back.
    static let waitlistCalls: [Operation] = [
        Operation(
            "joinWaitlist",
            .post,
            "/v1/on-sales/{id}/waitlist",
            .place,
            "Once everything is sold, asks for what comes back. Turns are given in the order of asking; the place says when.",
            body: "Waitlist",
            success: (201, "WaitlistSpot"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .wrongPlace, .unknownPlace, .unknownOnSale,
                .wrongState,
                .left, .outcomeUnknown,
            ]
        ) { services, call in
            let id = try call.onSaleID()
            let token = try PlaceToken(
                try call.bearer(),
                keys: try services.keys.current(),
                now: services.board.clock.now
            )
            guard token.onSale == id else { throw Problem.wrongPlace }
            var fields = try RequestFields(call.request)
            let quantity = fields.integer("quantity", in: 1...100)
            try fields.check()
            return services.later {
                let onSale = try await services.onSale(id)
                let request = WaitlistRequest(
                    onSale: id,
                    arrival: token.arrival,
                    place: token.place,
                    quantity: quantity
                )
                let outcome = try await services.waitlist.submit(request)
                services.places.forget(token.place)
                switch outcome {
                case .waiting(let position):
                    services.places.keep(token, onSale, waitlistPosition: position)
                    return spot(token.place, position, onSale.facts)
                case .called: return spot(token.place, 0, onSale.facts)
                case .inside: throw Problem.wrongState.with(detail: "the place has a session: buy with that")
                case .left: throw Problem.left
                case .wrongState(let state):
                    throw Problem.wrongState.with(
                        detail:
                            "the on-sale is \(state.published(paused: false)); a waitlist begins when it is sold out"
                    )
                case .unknownPlace: throw Problem.unknownPlace
                }
            }
        }
    ]

    private static func spot(_ place: PlaceID, _ position: Int, _ facts: OnSaleStatus) -> HTTPResponse {
        let body = JSONWriter.object { json in
            json.field("place", place.publicID)
            json.field("position", position)
            json.field("poll_after_ms", facts.pollMillisecondsAgain)
        }
        return .json(body, status: 201, headers: ["Cache-Control": "no-store"])
    }
}
