package import Postgres

extension SigningKeys {
    /// The keys in the table; makes the first one when there is none.
    package static func load(from postgres: PostgresClient) async throws -> SigningKeys {
        if let keys = try await read(postgres) { return keys }
        _ = try await insert(
            postgres,
            only: "WHERE NOT EXISTS (SELECT FROM signing_keys WHERE retired_at IS NULL)"
        )
        guard let keys = try await read(postgres) else {
            throw PostgresError(.misuse, "the signing key that was just made is not there")
        }
        return keys
    }

    /// Makes a new key, which signs from now on.
    ///
    /// What the older ones signed stays good.
    package static func rotate(in postgres: PostgresClient) async throws -> SigningKeys {
        _ = try await insert(postgres, only: "")
        return try await load(from: postgres)
    }

    /// Under a lock on the table, so that two processes that start together make one key.
    private static func insert(_ postgres: PostgresClient, only condition: SQL) async throws {
        let secret = SecureBytes.random(32)
        try await postgres.withTransaction { tx in
            try await tx.execute(
                Query("signing_key.lock", "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE")
            )
            try await tx.execute(
                Query(
                    "signing_key.add",
                    """
                    INSERT INTO signing_keys (secret, created_at) SELECT \(secret), usher_now() \(fragment: condition)
                    """
                )
            )
        }
    }

    private static func read(_ postgres: PostgresClient) async throws -> SigningKeys? {
        let rows = try await postgres.query(
            Query(
                "signing_key.all",
                "SELECT key_id, secret FROM signing_keys WHERE retired_at IS NULL ORDER BY key_id DESC LIMIT 16"
            )
        )
        return SigningKeys(try rows.map { Key(id: try $0[0], secret: try $0[1]) })
    }
}
