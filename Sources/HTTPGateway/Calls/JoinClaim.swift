internal import BoxOffice
internal import HTTP
internal import Postgres

/// Who somebody who joins claims to be, and the code that makes them a member of a group.
struct JoinClaim: Sendable {
    private enum Identity: Sendable {
        /// What the promoter signed; see `BuyerAssertion`.
        case assertion(String)
        case secret([UInt8])
    }

    private let identity: Identity
    /// As it was typed.
    let code: String?

    /// Reads the body of a join.
    ///
    /// - Throws: ``Problem``: 400, 415 or 422.
    init(_ request: HTTPRequest) throws(Problem) {
        var fields = try RequestFields(request)
        let code = fields.optionalString("code", maxLength: 64)
        let claim: Identity
        switch (fields.has("buyer"), fields.has("secret")) {
        case (true, false):
            claim = .assertion(fields.string("buyer", maxLength: 512))
        case (false, true):
            let secret = fields.string("secret", maxLength: 256)
            let bytes = Base64URL.decode(secret.utf8) ?? []
            if !secret.isEmpty && bytes.count < 16 {
                fields.refuse("secret", "must be at least 16 random bytes in unpadded base64url")
            }
            claim = .secret(bytes)
        case (let both, _):
            fields.refuse(
                "",
                "exactly one of buyer and secret is required; found \(both ? "both" : "neither")"
            )
            claim = .secret([])
        }
        try fields.check()
        identity = claim
        self.code = code
    }

    /// What a form without a script says: an assertion, or else a secret that is made here and kept by nobody, as the
    /// cookie is all that finds the place again.
    ///
    /// - Throws: ``Problem`` 422.
    init(buyer: String?, code: String?) throws(Problem) {
        guard buyer?.utf8.count ?? 1 <= 512, code?.utf8.count ?? 1 <= 64 else { throw .invalidFields }
        identity = buyer.map { .assertion($0) } ?? .secret(SecureBytes.random(16))
        self.code = code
    }

    /// The buyer, if the claim holds for the on-sale.
    ///
    /// - Throws: ``Problem``: 401 when the promoter didn't sign it, 403 when the room takes no secrets, 422 when it
    ///   is no assertion.
    func buyer(for onSale: OnSaleStatus, now: PostgresTimestamp) throws(Problem) -> Buyer {
        switch identity {
        case .secret(let secret):
            guard onSale.buyers == .anonymous else { throw .buyerRequired }
            return .secret(secret)
        case .assertion(let text):
            let key = BuyerAssertion.key(entrySalt: onSale.entrySalt)
            do throws(TokenProblem) {
                return try BuyerAssertion.verify(text, for: onSale.id, key: key, now: now)
            } catch {
                switch error {
                case .malformed: throw .fields([("buyer", "must be <identity>.<expiry>.<code>")])
                case .unknownKey, .forged: throw .invalidBuyer
                case .expired: throw .expiredBuyer
                }
            }
        }
    }

    /// What the box office is asked, if the claim holds for the on-sale.
    ///
    /// - Throws: ``Problem``: as ``buyer(for:now:)``, and 403 when the code can't be one.
    func request(for onSale: OnSaleStatus, now: PostgresTimestamp) throws(Problem) -> JoinRequest {
        let buyer = try buyer(for: onSale, now: now)
        var fingerprint: [UInt8]?
        if let code {
            fingerprint = PresaleCode.fingerprint(of: code, under: onSale.entrySalt)
            if fingerprint == nil { throw .unknownCode }
        }
        return JoinRequest(
            onSale: onSale.id,
            buyer: buyer.fingerprint(under: onSale.entrySalt),
            code: fingerprint,
            hasGroups: !onSale.groups.isEmpty,
            needsGroup: onSale.isInvitationOnly
        )
    }

    /// What somebody is told who got no place; nil when there is one.
    static func problem(
        _ outcome: JoinOutcome,
        _ onSale: OnSaleStatus,
        now: PostgresTimestamp
    ) -> Problem? {
        switch outcome {
        case .joined: return nil
        case .unknownCode: return .unknownCode
        case .codeUsed: return .codeUsed
        case .groupRequired: return .groupRequired
        case .notOpen:
            let seconds = (onSale.opensAt - now).components.seconds
            return .notOpen.retrying(after: Int(clamping: min(seconds, 60)))
        case .soldOut:
            return .soldOut.with(
                detail: "POST /v1/on-sales/\(onSale.id.publicID)/waitlist asks for what comes back"
            )
        case .closed: return .closed
        case .unknownOnSale: return .unknownOnSale
        }
    }
}
