package import Postgres

/// A promoter's word for who a buyer is, so that the room can give each person one place.
///
/// `<identity>.<expiry>.<code>`: the identity in base 64 for URLs, the expiry in seconds since 1970, and the code in
/// base 64: HMAC-SHA256, under the on-sale's buyer key, of `usher.buyer.v1`, the on-sale's public id, the expiry
/// and the identity, each but the last followed by a line feed.
package enum BuyerAssertion {
    /// The key that the promoter of an on-sale signs with.
    package static func key(entrySalt: [UInt8]) -> [UInt8] {
        KeyDerivation.hkdf(entrySalt, info: Array("usher.buyer-key.v1".utf8))
    }

    /// What a promoter's shop sends along with its customer.
    package static func sign(
        _ identity: String,
        for onSale: OnSaleID,
        until expiry: PostgresTimestamp,
        key: [UInt8]
    ) -> String {
        let seconds = String(expiry.microseconds / 1_000_000)
        let code = MessageCode.sha256(key: key, message(identity, onSale, seconds))
        return "\(Base64URL.encode(Array(identity.utf8))).\(seconds).\(Base64URL.encode(code))"
    }

    /// Who the assertion says the buyer is.
    ///
    /// - Throws: `TokenProblem` when the promoter didn't sign it, or not for this on-sale, or it is too old.
    package static func verify(
        _ text: String,
        for onSale: OnSaleID,
        key: [UInt8],
        now: PostgresTimestamp
    ) throws(TokenProblem) -> Buyer {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Base64URL.decode(parts[0].utf8), (1...256).contains(bytes.count),
            let identity = String(validating: bytes, as: UTF8.self), let seconds = UInt32(parts[1]),
            let code = Base64URL.decode(parts[2].utf8)
        else { throw .malformed }
        let expected = MessageCode.sha256(key: key, message(identity, onSale, String(parts[1])))
        guard SecureBytes.equal(code, expected) else { throw .forged }
        guard now.microseconds / 1_000_000 < Int64(seconds) else { throw .expired }
        return .proven(identity)
    }

    private static func message(_ identity: String, _ onSale: OnSaleID, _ seconds: String) -> [UInt8] {
        Array("usher.buyer.v1\n\(onSale.publicID)\n\(seconds)\n\(identity)".utf8)
    }
}
