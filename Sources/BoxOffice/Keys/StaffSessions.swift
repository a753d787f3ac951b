package import Postgres

/// People who have signed in with a key, so that a browser need not keep the key.
package struct StaffSessions: Sendable {
    /// A session that is good.
    package struct Session: Sendable, Equatable {
        package let holder: APIKeys.Holder
        /// When it ends even if it is used until then.
        package let expiresAt: PostgresTimestamp
    }

    /// A session that was just opened.
    package struct Opened: Sendable {
        /// What the browser keeps, 256 random bits; only its fingerprint is kept here.
        package let token: String
        package let session: Session
    }

    /// How long a session lives that nobody uses.
    package static let idleMinutes: Int32 = 30
    /// How long any session lives.
    package static let hours: Int32 = 12

    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Opens a session for the holder of a key.
    ///
    /// - Parameters:
    ///   - holder: Whose key checked out.
    ///   - fingerprint: That of the secret which did.
    /// - Returns: The session and its token.
    /// - Throws: `PostgresError`.
    package func open(_ holder: APIKeys.Holder, with fingerprint: [UInt8]) async throws -> Opened {
        let token = Base64URL.encode(SecureBytes.random(32))
        let rows = try await postgres.query(
            Query(
                "staff_session.open",
                """
                INSERT INTO staff_sessions (fingerprint, key_id, opened_with, created_at, seen_at, expires_at)
                VALUES (\(Digest.sha256(token)), \(holder.id), \(fingerprint), usher_now(), usher_now(),
                    usher_now() + make_interval(hours => \(Self.hours)))
                RETURNING expires_at
                """
            )
        )
        return Opened(token: token, session: Session(holder: holder, expiresAt: try rows[0][0]))
    }

    /// The session of a token, which counts as used by this; nil when there is none, or it is over.
    ///
    /// It is over when its key was revoked, or the secret that it was opened with is no longer good.
    package func find(_ token: String) async throws -> Session? {
        let fingerprint = Digest.sha256(token)
        let row = try await postgres.first(
            Query(
                "staff_session.find",
                """
                SELECT k.role, k.label, k.read_only, k.on_sales, k.key_id, s.expires_at,
                    s.seen_at < usher_now() - interval '1 minute'
                FROM staff_sessions s JOIN api_keys k ON k.key_id = s.key_id
                WHERE s.fingerprint = \(fingerprint) AND s.expires_at > usher_now()
                    AND s.seen_at > usher_now() - make_interval(mins => \(Self.idleMinutes))
                    AND k.revoked_at IS NULL
                    AND (s.opened_with = k.fingerprint OR s.opened_with = k.previous AND k.previous_until > usher_now())
                """
            )
        )
        guard let row else { return nil }
        if try row[6] {
            try await postgres.execute(
                Query(
                    "staff_session.touch",
                    "UPDATE staff_sessions SET seen_at = usher_now() WHERE fingerprint = \(fingerprint)"
                )
            )
        }
        return Session(holder: try APIKeys.holder(try row[4], row), expiresAt: try row[5])
    }

    /// Ends a session.
    package func end(_ token: String) async throws {
        try await postgres.execute(
            Query(
                "staff_session.end",
                "DELETE FROM staff_sessions WHERE fingerprint = \(Digest.sha256(token))"
            )
        )
    }
}
