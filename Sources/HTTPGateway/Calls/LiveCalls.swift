internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// Being told instead of asking.
    static let liveCalls: [Operation] = [
        Operation(
            "live",
            .get,
            "/v1/on-sales/{id}/live",
            .anyone,
            "A WebSocket, or with Accept: text/event-stream a stream of events, that tells of the on-sale whenever it "
                + "changes, and of one's place once its token is shown.",
            success: (200, "Live"),
            problems: [.unknownOnSale, .unknownReservation, .upgradeRequired, .stopping],
            live
        )
    ]

    @Sendable private static func live(_ services: Services, _ call: Call) throws -> Reply {
        let id = try call.onSaleID()
        guard services.board[id] != nil else { throw Problem.unknownOnSale }
        if call.request.asksForWebSocket {
            let place = own(.place, of: id, services, call.request) { text, keys, now in
                let token = try PlaceToken(text, keys: keys, now: now)
                return (token, token.onSale)
            }
            let admission = own(.admission, of: id, services, call.request) { text, keys, now in
                let token = try AdmissionToken(text, keys: keys, now: now)
                return (token, token.onSale)
            }
            let live = services.live
            return .channel(
                ChannelOffer(.webSocket, subject: id.rawValue, handler: live) { channel, loop in
                    if let admission { live.keep(admission, channel, loop) }
                    if let place { live.show(place, channel, loop) }
                }
            )
        }
        guard call.request.accepts("text/event-stream") else { throw Problem.upgradeRequired }
        guard call.request.headers["Authorization"] != nil else {
            return .channel(ChannelOffer(.eventStream, subject: id.rawValue, handler: services.live))
        }
        let live = services.live
        // A stream of events has no way back on which a token could be shown.
        if let text = call.request.queryValue("reservation") {
            let token = try call.admission(services)
            guard let reservation = ReservationID(publicID: text), token.onSale == id else {
                throw Problem.unknownReservation
            }
            return .channel(
                ChannelOffer(.eventStream, subject: id.rawValue, handler: live) {
                    live.follow(reservation, token, $0, $1)
                }
            )
        }
        let token = try PlaceToken(
            try call.bearer(),
            keys: try services.keys.current(),
            now: services.board.clock.now
        )
        guard token.onSale == id else { throw Problem.wrongPlace }
        return .channel(
            ChannelOffer(.eventStream, subject: id.rawValue, handler: live) { live.show(token, $0, $1) }
        )
    }

    /// A token that our own page keeps in a cookie: it counts as shown, since no script can show it.
    ///
    /// What `read` throws is as good as no token.
    private static func own<Token>(
        _ kind: BuyerCookies.Kind,
        of id: OnSaleID,
        _ services: Services,
        _ request: HTTPRequest,
        _ read: (String, SigningKeys, PostgresTimestamp) throws -> (token: Token, onSale: OnSaleID)
    ) -> Token? {
        guard let text = request.cookie(BuyerCookies.name(kind, id)),
            (try? SameOrigin.check(request)) != nil, let keys = try? services.keys.current(),
            let found = try? read(text, keys, services.board.clock.now), found.onSale == id
        else { return nil }
        return found.token
    }
}
