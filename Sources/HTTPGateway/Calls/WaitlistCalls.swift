internal import BoxOffice
internal import HTTP

extension Operation {
    /// A spot for what comes back.
    static let waitlistCalls: [Operation] = [
        Operation(
            "joinWaitlist",
            .post,
            "/v1/on-sales/{id}/waitlist",
            .placeIfAny,
            "Once everything is sold, asks for what comes back. Turns are given in the order of asking; the place says when. "
                + "Whoever has no place is given one at the end of the line, as by a join.",
            body: "Waitlist",
            success: (201, "WaitlistSpot"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .wrongPlace, .unknownPlace, .unknownOnSale,
                .wrongState, .left, .outcomeUnknown, .invalidBuyer, .expiredBuyer, .buyerRequired,
                .unknownCode, .codeUsed, .groupRequired, .closed,
            ]
        ) { services, call in
            let id = try call.onSaleID()
            var fields = try RequestFields(call.request)
            let quantity = fields.integer("quantity", in: 1...100)
            if call.request.headers["Authorization"] != nil {
                return try ask(id, quantity, fields, services, of: call.bearer())
            }
            if let token = try BuyerCookies.token(.place, call.request) {
                return try ask(id, quantity, fields, services, of: token)
            }
            return try ask(id, quantity, fields, services, call)
        }
    ]

    /// Asks for a place there is.
    private static func ask(
        _ id: OnSaleID,
        _ quantity: Int,
        _ fields: RequestFields,
        _ services: Services,
        of bearer: String
    ) throws -> Reply {
        let token = try PlaceToken(
            bearer,
            keys: try services.keys.current(),
            now: services.board.clock.now
        )
        guard token.onSale == id else { throw Problem.wrongPlace }
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
            return try answer(outcome, token, onSale, services, keys: nil)
        }
    }

    /// Asks for a buyer who may have no place yet.
    private static func ask(
        _ id: OnSaleID,
        _ quantity: Int,
        _ fields: RequestFields,
        _ services: Services,
        _ call: Call
    ) throws -> Reply {
        let page = try BuyerCookies.onSale(call.request)
        guard page ?? id == id else { throw Problem.unknownOnSale }
        let claim = try JoinClaim(call.request)
        try fields.check()
        let keys = try services.keys.current()
        return services.later {
            let onSale = try await services.onSale(id)
            let now = services.board.clock.now
            let join = try claim.request(for: onSale.facts, now: now)
            let outcome = try await services.newcomers.submit(WaitlistJoin(join, quantity: quantity))
            switch outcome {
            case .placed(let place, let arrival, let spot):
                let token = PlaceToken(onSale.facts, arrival: arrival, place)
                var response = try answer(spot, token, onSale, services, keys: keys, isPage: page != nil)
                if page != nil {
                    response.headers.add("Set-Cookie", services.setCookie(token, keys, for: call.request))
                }
                return response
            case .refused(let refusal):
                throw JoinClaim.problem(refusal, onSale.facts, now: now) ?? .closed
            case .wrongState(let state): throw wrongState(state)
            case .unknownOnSale: throw Problem.unknownOnSale
            }
        }
    }

    /// `keys`: for the token, which whoever came without one is told, if no cookie keeps it.
    private static func answer(
        _ outcome: WaitlistOutcome,
        _ token: PlaceToken,
        _ onSale: OnSaleSnapshot,
        _ services: Services,
        keys: SigningKeys?,
        isPage: Bool = false
    ) throws -> HTTPResponse {
        services.places.forget(token.place)
        switch outcome {
        case .waiting(let position):
            services.places.keep(token, onSale, waitlistPosition: position)
            return spot(token, position, onSale, keys, isPage)
        case .called: return spot(token, 0, onSale, keys, isPage)
        case .inside: throw Problem.wrongState.with(detail: "the place has a session: buy with that")
        case .left: throw Problem.left
        case .wrongState(let state): throw wrongState(state)
        case .unknownPlace: throw Problem.unknownPlace
        }
    }

    private static func wrongState(_ state: OnSaleState) -> Problem {
        Problem.wrongState.with(
            detail: "the on-sale is \(state.published(paused: false)); a waitlist begins when it is sold out"
        )
    }

    private static func spot(
        _ token: PlaceToken,
        _ position: Int,
        _ onSale: OnSaleSnapshot,
        _ keys: SigningKeys?,
        _ isPage: Bool
    ) -> HTTPResponse {
        let body = JSONWriter.object { json in
            json.field("place", token.place.publicID)
            if let keys {
                if !isPage { json.field("token", token.signed(with: keys)) }
                json.field("receipt", token.receipt(onSale.facts).signed(with: keys))
            }
            json.field("position", position)
            json.field("poll_after_ms", onSale.pollMillisecondsAgain)
        }
        return .json(body, status: 201, headers: ["Cache-Control": "no-store"])
    }
}
