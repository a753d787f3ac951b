internal import BoxOffice
internal import HTTP
internal import Postgres

/// Who may make the calls of promoters and operators, and which of them: the one place where that is decided.
///
/// Keys and sessions are looked up at every call, so that one that was taken back is so at once, at all gateways.
struct StaffDoor: Sendable {
    /// What somebody shows at the door.
    enum Proof: Sendable, Equatable {
        /// A key, as programs send it.
        case key(String)
        /// The cookie of a session, as pages send it.
        case session(String)
    }

    /// The cookie that holds the token of a session.
    static let cookie = "usher_session"
    /// The header in which a page repeats what it was told when the session was opened.
    static let header = "X-CSRF-Token"

    let keys: APIKeys
    let sessions: StaffSessions
    private let wrong: WrongKeys
    private let postgres: PostgresClient

    init(postgres: PostgresClient, limit: Int) {
        self.postgres = postgres
        keys = APIKeys(postgres: postgres)
        sessions = StaffSessions(postgres: postgres)
        wrong = WrongKeys(postgres: postgres, limit: limit)
    }

    // MARK: What is shown

    /// What a call shows; a key goes before a cookie.
    ///
    /// A cookie comes by itself with whatever a browser sends here, so whoever changes something with one also has to be a page
    /// of ours, and to know the session's second secret, which no other page can read.
    ///
    /// - Throws: ``Problem`` 401 when nothing is shown, 403 when a cookie does not speak for the call.
    static func proof(_ call: Call) throws(Problem) -> Proof {
        guard call.request.headers["Authorization"] == nil, let token = call.request.cookie(cookie) else {
            return .key(try call.bearer())
        }
        guard call.request.method != .get, call.request.method != .head else { return .session(token) }
        try SameOrigin.check(call.request)
        guard let given = call.request.headers[header],
            SecureBytes.equal(Array(given.utf8), Array(secondSecret(of: token).utf8))
        else { throw .csrfRequired }
        return .session(token)
    }

    /// What the page of a session has to repeat: made from the session's token, which it can't read.
    static func secondSecret(of token: String) -> String {
        Base64URL.encode(MessageCode.sha256(key: Array(token.utf8), Array("usher csrf".utf8)))
    }

    // MARK: Who it is

    /// The holder of what was shown.
    ///
    /// - Throws: ``Problem`` 401, or 429 for an address that has shown too many wrong keys.
    func holder(of proof: Proof, from request: HTTPRequest) async throws -> APIKeys.Holder {
        switch proof {
        case .key(let text): return try await check(text, from: request).holder
        case .session(let token):
            guard let session = try await sessions.find(token) else { throw Problem.sessionRequired }
            return session.holder
        }
    }

    /// Checks a key, and counts it when it is wrong.
    ///
    /// - Returns: its holder and the fingerprint of its secret.
    /// - Throws: ``Problem`` 401, or 429 for an address that has shown too many wrong ones.
    func check(
        _ key: String,
        from request: HTTPRequest
    ) async throws -> (holder: APIKeys.Holder, fingerprint: [UInt8]) {
        let client = request.remoteAddress?.clientName ?? "unknown"
        if let seconds = try await wrong.lockout(of: client) {
            throw Problem.lockedOut.retrying(after: seconds)
        }
        switch try await keys.find(key) {
        case .good(let holder, let fingerprint): return (holder, fingerprint)
        case .past: throw Problem.invalidToken
        case .wrong(let id):
            if case .lockedOut(let seconds) = try await wrong.count(from: client, key: id) {
                throw Problem.lockedOut.retrying(after: seconds)
            }
            throw Problem.invalidToken
        }
    }

    // MARK: What they may

    /// Lets the holder make the call.
    ///
    /// What a limited key may is named here; whatever is not is for keys without a limit only.
    ///
    /// - Throws: ``Problem`` 403.
    func admit(_ holder: APIKeys.Holder, to operation: Operation, _ call: Call) async throws {
        guard operation.access == .staff(holder.role) else { throw Problem.wrongRole }
        // A key that vouches for buyers does more than look.
        if holder.scope.isReadOnly, operation.method != .get || operation.id == "getBuyerKey" {
            throw Problem.outOfScope.with(detail: "the key is for looking only")
        }
        guard holder.scope.onSales != nil else { return }
        switch operation.path {
        // Lists none but theirs.
        case "/v1/promoter/on-sales" where operation.method == .get: return
        case "/v1/events": return
        case "/v1/promoter/reservations/{id}/refund":
            guard let id = ReservationID(publicID: call.parameters["id"]),
                let row = try await postgres.first(RefundReservation.find(id))
            else { throw Problem.unknownReservation }
            let onSale = OnSaleID(rawValue: try row[0])
            guard holder.scope.includes(onSale) else { throw Problem.outOfScope }
        case let path where path.hasPrefix("/v1/promoter/on-sales/{id}"):
            guard holder.scope.includes(try call.onSaleID()) else { throw Problem.outOfScope }
        default: throw Problem.outOfScope
        }
    }
}
