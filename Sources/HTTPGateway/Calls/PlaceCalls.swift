internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// Joining the line, looking at one's place, coming in and leaving.
    static let placeCalls: [Operation] = [
        Operation(
            "join",
            .post,
            "/v1/on-sales/{id}/places",
            .anyone,
            "Takes a place in the line. The same buyer always gets the same place.",
            body: "Join",
            success: (201, "Joined"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .invalidBuyer, .expiredBuyer, .buyerRequired,
                .unknownOnSale, .notOpen, .soldOut, .closed, .outcomeUnknown, .unknownCode, .codeUsed,
                .groupRequired, .crossSite,
            ],
            join
        ),
        Operation(
            "getPlace",
            .get,
            "/v1/places/{id}",
            .place,
            "Where a place stands.",
            success: (200, "Place"),
            problems: [.wrongPlace, .unknownPlace, .unknownOnSale]
        ) { services, call in
            let token = try call.place(services)
            if let onSale = services.board[token.onSale],
                let view = services.places.fromMemory(token, onSale)
            {
                let isStale = services.board.isStale
                return .now(PlaceDocument.response(token.place, view, onSale, isStale: isStale))
            }
            return services.later {
                let onSale = try await services.onSale(token.onSale)
                return PlaceDocument.response(
                    token.place,
                    try await services.places.read(token, onSale),
                    onSale,
                    isStale: services.board.isStale
                )
            }
        },
        Operation(
            "admit",
            .post,
            "/v1/places/{id}/admission",
            .place,
            "Comes in once called. Asking again gives the same session while it lives. Whoever missed the turn and asks in time "
                + "is called again.",
            success: (200, "Admission"),
            problems: [
                .wrongPlace, .unknownPlace, .unknownOnSale, .notYet, .full, .stopped, .missed, .left,
                .sessionOver,
                .outcomeUnknown,
            ],
            admit
        ),
        Operation(
            "leave",
            .delete,
            "/v1/places/{id}",
            .place,
            "Gives the place up for good.",
            success: (204, nil),
            problems: [.wrongPlace, .unknownPlace, .outcomeUnknown]
        ) { services, call in
            let token = try call.place(services)
            return services.later {
                try await services.places.leave(token)
                return HTTPResponse(status: 204)
            }
        },
    ]

    // MARK: Joining

    @Sendable private static func join(_ services: Services, _ call: Call) throws -> Reply {
        let id = try call.onSaleID()
        let page = try BuyerCookies.onSale(call.request)
        guard page ?? id == id else { throw Problem.unknownOnSale }
        let claim = try JoinClaim(call.request)
        let keys = try services.keys.current()
        return services.later {
            let onSale = try await services.onSale(id)
            let now = services.board.clock.now
            let request = try claim.request(for: onSale.facts, now: now)
            let outcome = try await services.joins.submit(request)
            guard case .joined(let place, let arrival, _) = outcome else {
                throw JoinClaim.problem(outcome, onSale.facts, now: now) ?? .closed
            }
            let token = PlaceToken(onSale.facts, arrival: arrival, place)
            return joined(
                token,
                services.board[id] ?? onSale,
                keys,
                services,
                cookie: page == nil ? nil : services.setCookie(token, keys, for: call.request)
            )
        }
    }

    private static func joined(
        _ token: PlaceToken,
        _ onSale: OnSaleSnapshot,
        _ keys: SigningKeys,
        _ services: Services,
        cookie: String?
    ) -> HTTPResponse {
        let view = services.places.fromMemory(token, onSale)
        let body = JSONWriter.object { json in
            json.field("place", token.place.publicID)
            if cookie == nil { json.field("token", token.signed(with: keys)) }
            json.field("state", (view?.state ?? .called).rawValue)
            json.field("receipt", token.receipt(onSale.facts).signed(with: keys))
            json.field("poll_after_ms", onSale.pollMilliseconds(number: view?.number))
        }
        var headers: HTTPHeaders = [
            "Location": "/v1/places/\(token.place.publicID)", "Cache-Control": "no-store",
        ]
        if let cookie { headers.add("Set-Cookie", cookie) }
        return .json(body, status: 201, headers: headers)
    }

    // MARK: Coming in

    @Sendable private static func admit(_ services: Services, _ call: Call) throws -> Reply {
        let token = try call.place(services)
        let keys = try services.keys.current()
        if let onSale = services.board[token.onSale], let view = services.places.fromMemory(token, onSale) {
            // Whoever has not been called is told so without asking the database.
            if view.state == .waiting || view.state == .prequeue { throw notYet(onSale, view.number) }
        }
        return services.later {
            let request = AdmissionRequest(onSale: token.onSale, arrival: token.arrival, place: token.place)
            let outcome = try await services.admissions.submit(request)
            services.places.forget(token.place)
            switch outcome {
            case .admitted(let session):
                let everybody = try await services.onSale(token.onSale).facts.maxPerBuyer
                let limit = session.ownLimit ?? everybody
                return admitted(session, limit, token, keys, services, call.request)
            case .notYet: throw notYet(try await services.onSale(token.onSale), nil)
            case .full: throw Problem.full
            case .stopped: throw Problem.stopped
            case .missed: throw Problem.missed
            case .left: throw Problem.left
            case .done: throw Problem.sessionOver
            case .unknownPlace: throw Problem.unknownPlace
            }
        }
    }

    private static func notYet(_ onSale: OnSaleSnapshot, _ number: Int64?) -> Problem {
        Problem.notYet.retrying(after: onSale.pollMilliseconds(number: number) / 1000)
    }

    private static func admitted(
        _ session: AdmissionSession,
        _ limit: Int,
        _ place: PlaceToken,
        _ keys: SigningKeys,
        _ services: Services,
        _ request: HTTPRequest
    ) -> HTTPResponse {
        // The token outlives the session, so that its holder can look at what was bought; the session's row decides
        // whether more can be. It is made from what never changes, so that asking again gives the same token.
        let token = AdmissionToken(
            onSale: place.onSale,
            admission: session.id,
            arrival: place.arrival,
            place: place.place,
            expiresAt: session.admittedAt + .seconds(86_400)
        )
        let isPage = request.headers["Authorization"] == nil
        let body = JSONWriter.object { json in
            if !isPage { json.field("admission_token", token.signed(with: keys)) }
            json.field("expires_at", "\(session.expiresAt)")
            json.field("max_per_buyer", limit)
        }
        var headers: HTTPHeaders = ["Cache-Control": "no-store"]
        if isPage { headers.add("Set-Cookie", services.setCookie(token, keys, for: request)) }
        return .json(body, headers: headers)
    }
}

extension PlaceToken {
    /// The token of a place that was just given out: good for a day longer than the on-sale.
    init(_ onSale: OnSaleStatus, arrival: Int64, _ place: PlaceID) {
        self.init(
            onSale: onSale.id,
            arrival: arrival,
            place: place,
            expiresAt: onSale.closesAt + .seconds(86_400)
        )
    }

    /// What proves that the place was given out.
    func receipt(_ facts: OnSaleStatus) -> JoinReceipt {
        let entry = DrawEntry(onSale: onSale, arrival: arrival, place: place)
        return JoinReceipt(entry: entry, blinding: entry.blinding(under: facts.entrySalt))
    }
}

/// A place as its buyer sees it.
enum PlaceDocument {
    static func response(
        _ place: PlaceID,
        _ view: PlaceStanding,
        _ onSale: OnSaleSnapshot,
        isStale: Bool
    ) -> HTTPResponse {
        let body = JSONWriter.object { write(place, view, onSale, isStale: isStale, to: &$0) }
        return .json(body, headers: ["Cache-Control": "private, no-store"])
    }

    static func write(
        _ place: PlaceID,
        _ view: PlaceStanding,
        _ onSale: OnSaleSnapshot,
        isStale: Bool,
        to json: inout JSONWriter
    ) {
        let facts = onSale.facts
        // Whoever waits for a turn after the first is called before the line.
        let isInLine = view.state == .waiting && !view.isAgain
        json.field("place", place.publicID)
        json.field("on_sale", onSale.id.publicID)
        json.field("state", view.state.rawValue)
        json.field("number", view.number)
        json.field("ahead", isInLine ? view.number.map { facts.ahead(of: $0) } : nil)
        if isInLine, let number = view.number, let wait = facts.wait(for: number) {
            json.object("eta_seconds") { eta in
                eta.field("p25", wait.p25)
                eta.field("p50", wait.p50)
                eta.field("p75", wait.p75)
            }
        } else {
            json.field("eta_seconds", JSONValue.null)
        }
        let chance = isInLine ? view.number.flatMap { facts.chanceLeft(for: $0) } : nil
        json.field("chance_left", chance.map { JSONValue.double($0) } ?? .null)
        json.field("waitlist_position", view.waitlistPosition)
        json.field("turn_expires_at", view.turnExpiresAt.map { "\($0)" })
        json.field("poll_after_ms", onSale.pollMilliseconds(view))
        json.field("seq", facts.seq)
        OnSaleSnapshot.writeAge(of: facts, isStale: isStale, to: &json)
    }
}
