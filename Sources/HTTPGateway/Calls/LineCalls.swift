internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// The line for people: the page, and joining without a script.
    static let lineCalls: [Operation] = [
        Operation(
            "getLinePage",
            .get,
            "/on-sales/{id}",
            .anyone,
            "The line, for buyers: a page that shows one's own place, if a cookie has it.",
            success: (200, nil)
        ) { services, call in
            // Everybody comes at once, and most are known: they cost no task, and see their line while the database is away.
            if let id = OnSaleID(publicID: call.parameters["id"]), let onSale = services.board[id] {
                let token = place(of: id, services, call.request)
                let standing = token.flatMap { services.places.fromMemory($0, onSale) }
                if token == nil || standing != nil || services.board.isCutOff {
                    return .now(page(services, call, onSale, token, standing))
                }
            }
            return services.later { try await page(services, call) }
        },
        Operation(
            "joinByForm",
            .post,
            "/on-sales/{id}/join",
            .anyone,
            "Takes a place as `join` does, for a page without scripts, and leads back to it. The place is kept in a cookie.",
            success: (303, nil),
            problems: [.crossSite]
        ) { services, call in
            try SameOrigin.check(call.request)
            // What a form sends is written like a query.
            let form = HTTPRequest(.post, "/?" + String(decoding: call.request.body, as: UTF8.self))
            return services.later { try await join(services, call, form) }
        },
    ]

    private static let languageCookie = "usher_language"

    private static func words(_ call: Call) -> LineWords {
        LineWords.best(
            chosen: call.request.queryValue("lang") ?? call.request.cookie(languageCookie),
            accepted: call.request.headers["Accept-Language"]
        )
    }

    private static func page(
        _ services: Services,
        _ call: Call,
        problem: Problem? = nil
    ) async throws -> HTTPResponse {
        guard let id = OnSaleID(publicID: call.parameters["id"]),
            let onSale = try await snapshot(id, services)
        else { return LinePage.unknown(words(call)) }
        let token = place(of: id, services, call.request)
        var standing: PlaceStanding?
        if let token {
            if let known = services.places.fromMemory(token, onSale) {
                standing = known
            } else {
                // A page that can't read the place yet shows the rest; its script asks again.
                standing = try? await services.places.read(token, onSale)
            }
        }
        return page(services, call, onSale, token, standing, problem: problem)
    }

    private static func page(
        _ services: Services,
        _ call: Call,
        _ onSale: OnSaleSnapshot,
        _ token: PlaceToken?,
        _ standing: PlaceStanding?,
        problem: Problem? = nil
    ) -> HTTPResponse {
        let words = words(call)
        var response = LinePage(
            words: words,
            onSale: onSale,
            place: standing == nil ? nil : token?.place,
            standing: standing,
            methods: services.paymentMethods,
            buyer: call.request.queryValue("buyer"),
            problem: problem,
            now: "\(services.board.clock.now)",
            isStale: services.board.isStale
        ).response()
        if call.request.queryValue("lang") == words.language {
            let cookie = Cookie(languageCookie, words.language, maxAge: 31_536_000, comesWithLinks: true)
            response.headers.add("Set-Cookie", services.setCookie(cookie, for: call.request))
        }
        return response
    }

    /// An on-sale, however long it is over; nil when there is none.
    private static func snapshot(_ id: OnSaleID, _ services: Services) async throws -> OnSaleSnapshot? {
        do {
            return try await services.onSale(id)
        } catch let problem as Problem where problem.code == Problem.unknownOnSale.code {
            guard let facts = try? await services.published(id) else { return nil }
            return OnSaleSnapshot(facts, order: nil)
        }
    }

    /// The place that a cookie keeps, if the cookie is good.
    private static func place(of id: OnSaleID, _ services: Services, _ request: HTTPRequest) -> PlaceToken? {
        guard let text = request.cookie(BuyerCookies.name(.place, id)),
            let keys = try? services.keys.current(),
            let token = try? PlaceToken(text, keys: keys, now: services.board.clock.now), token.onSale == id
        else { return nil }
        return token
    }

    private static func join(
        _ services: Services,
        _ call: Call,
        _ form: HTTPRequest
    ) async throws -> HTTPResponse {
        let id = try call.onSaleID()
        let back: HTTPHeaders = ["Location": "/on-sales/\(id.publicID)", "Cache-Control": "no-store"]
        // Pressed twice, or in a second tab.
        if place(of: id, services, call.request) != nil { return HTTPResponse(status: 303, headers: back) }
        do {
            let code = form.queryValue("code").flatMap { $0.isEmpty ? nil : $0 }
            let claim = try JoinClaim(buyer: form.queryValue("buyer"), code: code)
            let onSale = try await services.onSale(id)
            let now = services.board.clock.now
            let outcome = try await services.joins.submit(try claim.request(for: onSale.facts, now: now))
            guard case .joined(let place, let arrival, _) = outcome else {
                throw JoinClaim.problem(outcome, onSale.facts, now: now) ?? .closed
            }
            let token = PlaceToken(onSale.facts, arrival: arrival, place)
            var response = HTTPResponse(status: 303, headers: back)
            response.headers.add(
                "Set-Cookie",
                services.setCookie(token, try services.keys.current(), for: call.request)
            )
            return response
        } catch let problem as Problem {
            return try await page(services, call, problem: problem)
        }
    }
}
