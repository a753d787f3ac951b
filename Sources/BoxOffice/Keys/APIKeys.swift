package import Postgres

/// Who may call the promoter's and the operator's API.
package struct APIKeys: Sendable {
    /// What a key allows.
    package enum Role: String, Sendable, Codable, CaseIterable, PostgresEncodable, PostgresDecodable {
        case promoter
        case `operator`
    }

    /// A key that checked out.
    package struct Holder: Sendable, Equatable {
        package let id: Int64
        package let role: Role
        package let label: String

        /// How the audit names the holder.
        package var actor: String { "\(role.rawValue):\(label)" }
    }

    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Makes a key.
    ///
    /// - Returns: The secret, `uk_<id>_<256 random bits>`. It is not kept and can't be shown again.
    package func add(role: Role, label: String) async throws -> String {
        let secret = SecureBytes.random(32)
        let row = try await postgres.first(
            Query(
                "api_key.add",
                """
                INSERT INTO api_keys (role, label, fingerprint, created_at)
                VALUES (\(role), \(label), \(Digest.sha256(secret)), usher_now()) RETURNING key_id
                """
            )
        )
        let id: Int64 = try row.map { try $0[0] } ?? 0
        return "\(PublicID.encode("uk", id))_\(Base64URL.encode(secret))"
    }

    /// The holder of a key; nil when it is none of ours or was revoked.
    ///
    /// The secret has 256 random bits, so its plain SHA-256 tells nothing.
    package func verify(_ text: String) async throws -> Holder? {
        let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let id = PublicID.decode("uk", "\(parts[0])_\(parts[1])"),
            let secret = Base64URL.decode(parts[2].utf8), secret.count == 32
        else { return nil }
        let row = try await postgres.first(
            Query(
                "api_key.find",
                "SELECT fingerprint, role, label FROM api_keys WHERE key_id = \(id) AND revoked_at IS NULL"
            )
        )
        guard let row, SecureBytes.equal(try row[0], Digest.sha256(secret)) else { return nil }
        return Holder(id: id, role: try row[1], label: try row[2])
    }

    /// Takes a key back.
    ///
    /// - Returns: Whether there was one to take back.
    package func revoke(_ id: Int64) async throws -> Bool {
        try await postgres.execute(
            Query(
                "api_key.revoke",
                "UPDATE api_keys SET revoked_at = usher_now() WHERE key_id = \(id) AND revoked_at IS NULL"
            )
        ) == 1
    }

    /// All keys that are good, without their secrets.
    package func list() async throws -> [Holder] {
        try await postgres.query(
            Query(
                "api_key.list",
                "SELECT key_id, role, label FROM api_keys WHERE revoked_at IS NULL ORDER BY key_id"
            )
        ).map { Holder(id: try $0[0], role: try $0[1], label: try $0[2]) }
    }
}
