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
}
