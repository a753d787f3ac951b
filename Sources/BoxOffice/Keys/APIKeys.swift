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
        package var scope = KeyScope.everything

        /// How the audit names the holder.
        package var actor: String { "\(role.rawValue):\(label)" }
    }

    /// What a text is that somebody presents as a key.
    package enum Finding: Sendable, Equatable {
        /// A key that is good, and the fingerprint of its secret.
        case good(Holder, [UInt8])
        /// A key that was good once: revoked, or from before a rotation. Whoever has it is late, and does not guess.
        case past
        /// None of ours; the number of the key that it pretends to be, if there is one.
        case wrong(Int64?)
    }

    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Makes a key.
    ///
    /// - Returns: The secret, `uk_<id>_<256 random bits>`. It is not kept and can't be shown again.
    package func add(role: Role, label: String, scope: KeyScope = .everything) async throws -> String {
        let secret = SecureBytes.random(32)
        let row = try await postgres.first(
            Query(
                "api_key.add",
                """
                INSERT INTO api_keys (role, label, fingerprint, created_at, read_only, on_sales)
                VALUES (\(role), \(label), \(Digest.sha256(secret)), usher_now(), \(scope.isReadOnly),
                    \(scope.onSales?.map(\.rawValue))) RETURNING key_id
                """
            )
        )
        return Self.text(try row.map { try $0[0] } ?? 0, secret)
    }

    /// Gives a key another secret; the one before stays good for a while.
    ///
    /// The one before that ends at once, and with each secret the sessions that were opened with it.
    ///
    /// - Parameters:
    ///   - id: The key's number.
    ///   - seconds: How long the present secret stays good.
    /// - Returns: The new secret; nil when there is no such key that is good.
    /// - Throws: `PostgresError`.
    package func rotate(_ id: Int64, grace seconds: Double) async throws -> String? {
        let secret = SecureBytes.random(32)
        let changed = try await postgres.execute(
            Query(
                "api_key.rotate",
                """
                UPDATE api_keys SET previous = fingerprint, fingerprint = \(Digest.sha256(secret)),
                    previous_until = usher_now() + make_interval(secs => \(seconds))
                WHERE key_id = \(id) AND revoked_at IS NULL
                """
            )
        )
        return changed == 1 ? Self.text(id, secret) : nil
    }

    private static func text(_ id: Int64, _ secret: [UInt8]) -> String {
        "\(PublicID.encode("uk", id))_\(Base64URL.encode(secret))"
    }

    /// The holder of a key; nil when it is none of ours, was revoked or replaced.
    package func verify(_ text: String) async throws -> Holder? {
        guard case .good(let holder, _) = try await find(text) else { return nil }
        return holder
    }

    /// What a text is that is presented as a key.
    ///
    /// The secret has 256 random bits, so its plain SHA-256 tells nothing.
    package func find(_ text: String) async throws -> Finding {
        let parts = text.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let id = PublicID.decode("uk", "\(parts[0])_\(parts[1])"),
            let secret = Base64URL.decode(parts[2].utf8), secret.count == 32
        else { return .wrong(nil) }
        let row = try await postgres.first(
            Query(
                "api_key.find",
                """
                SELECT role, label, read_only, on_sales, fingerprint, revoked_at IS NOT NULL, previous,
                    coalesce(previous_until > usher_now(), false)
                FROM api_keys WHERE key_id = \(id)
                """
            )
        )
        guard let row else { return .wrong(nil) }
        let fingerprint = Digest.sha256(secret)
        let before: [UInt8]? = try row[6]
        let isPresent = SecureBytes.equal(try row[4], fingerprint)
        let isPrevious = before.map { SecureBytes.equal($0, fingerprint) } ?? false
        guard isPresent || isPrevious else { return .wrong(id) }
        let (isRevoked, isInGrace): (Bool, Bool) = (try row[5], try row[7])
        guard !isRevoked, isPresent || isInGrace else { return .past }
        return .good(try Self.holder(id, row), fingerprint)
    }

    /// Reads role, label, read_only and on_sales, the first columns of a row.
    static func holder(_ id: Int64, _ row: Row) throws -> Holder {
        let onSales: [Int64]? = try row[3]
        let scope = KeyScope(isReadOnly: try row[2], onSales: onSales?.map(OnSaleID.init(rawValue:)))
        return Holder(id: id, role: try row[0], label: try row[1], scope: scope)
    }

    /// Takes a key back, and with it at once every session that was opened with it.
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
                """
                SELECT role, label, read_only, on_sales, key_id FROM api_keys WHERE revoked_at IS NULL
                ORDER BY key_id
                """
            )
        ).map { try Self.holder(try $0[4], $0) }
    }
}
