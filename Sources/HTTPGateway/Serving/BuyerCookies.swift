internal import BoxOffice
internal import HTTP
internal import Postgres

/// The cookies in which our own pages keep a buyer's tokens, where no script can read them.
///
/// A page asks for them with the header ``header``, which names the on-sale. No other origin's page can send it, as
/// ``CrossOrigin`` doesn't allow it, so a cookie alone never speaks for anybody.
enum BuyerCookies {
    /// The header by which a page says that it keeps its tokens in cookies; its value is the on-sale's id.
    static let header = "Usher-Cookies"

    /// Whose token a cookie keeps.
    enum Kind: String, CaseIterable {
        case place, admission
    }

    /// The name of a cookie.
    static func name(_ kind: Kind, _ onSale: OnSaleID) -> String {
        "\(prefix(kind))\(onSale.publicID)"
    }

    /// What the names of one kind begin with.
    static func prefix(_ kind: Kind) -> String { "usher_\(kind.rawValue)_" }

    /// The on-sale whose tokens the page that asks keeps in cookies; nil for programs.
    ///
    /// - Throws: ``Problem`` 403 when the request would change something and is not from our own page, 404 when there
    ///   can't be such an on-sale.
    static func onSale(_ request: HTTPRequest) throws(Problem) -> OnSaleID? {
        guard let text = request.headers[header] else { return nil }
        if request.method != .get && request.method != .head { try SameOrigin.check(request) }
        guard let id = OnSaleID(publicID: text) else { throw .unknownOnSale }
        return id
    }

    /// The token that came in a cookie, if the page asks for that to count; nil without one.
    ///
    /// - Throws: ``Problem`` as ``onSale(_:)``.
    static func token(_ kind: Kind, _ request: HTTPRequest) throws(Problem) -> String? {
        guard let id = try onSale(request) else { return nil }
        return request.cookie(name(kind, id))
    }
}

extension Services {
    /// Gives a page its token: the header that keeps it until it expires.
    func setCookie(_ token: PlaceToken, _ keys: SigningKeys, for request: HTTPRequest) -> String {
        setCookie(
            Cookie(
                BuyerCookies.name(.place, token.onSale),
                token.signed(with: keys),
                maxAge: Int(clamping: max(1, (token.expiresAt - board.clock.now).components.seconds)),
                // A link in a message leads to one's place.
                comesWithLinks: true
            ),
            for: request
        )
    }

    /// The same for a token of someone who came in.
    func setCookie(_ token: AdmissionToken, _ keys: SigningKeys, for request: HTTPRequest) -> String {
        setCookie(
            Cookie(
                BuyerCookies.name(.admission, token.onSale),
                token.signed(with: keys),
                maxAge: Int(clamping: max(1, (token.expiresAt - board.clock.now).components.seconds))
            ),
            for: request
        )
    }
}
