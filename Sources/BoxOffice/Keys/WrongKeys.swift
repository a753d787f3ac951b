package import Postgres

/// Counts keys that are wrong, and locks out who presents too many.
///
/// The counts are rows, so that all gateways count together. A key of 256 random bits can't be guessed; what this ends is the
/// load and the noise of trying, and a program that goes on with a key that never was one.
///
/// Who is locked out is always an address, never a key: or whoever knows a key's number could shut its holder out in the midst
/// of an on-sale. A key that is tried from many addresses makes each of them be locked out at its first failure.
package struct WrongKeys: Sendable {
    /// What becomes of one more failure.
    package enum Outcome: Sendable, Equatable {
        case counted
        /// For so many seconds.
        case lockedOut(Int)
    }

    /// How long failures are counted together, and how long a lock-out is.
    package static let minutes: Int32 = 15

    private let postgres: PostgresClient
    /// How many may be wrong from one address; 0 is without limit.
    private let limit: Int
    /// How many may be wrong for one key, from all addresses.
    private var keyLimit: Int { 3 * limit }

    package init(postgres: PostgresClient, limit: Int) {
        self.postgres = postgres
        self.limit = limit
    }

    /// For how many more seconds an address is locked out; nil when it is not.
    package func lockout(of client: String) async throws -> Int? {
        guard limit > 0 else { return nil }
        return try await postgres.first(
            Query(
                "wrong_keys.lockout",
                """
                SELECT ceil(extract(epoch FROM locked_until - usher_now()))::integer FROM wrong_keys
                WHERE subject = \(Self.client(client)) AND locked_until > usher_now()
                """
            )
        ).map { try $0[0] }
    }

    /// Counts a failure, and locks the address out when it was one too many.
    ///
    /// - Parameters:
    ///   - client: The address.
    ///   - key: The number of the key that was pretended to.
    /// - Returns: What becomes of it.
    /// - Throws: `PostgresError`.
    package func count(from client: String, key: Int64?) async throws -> Outcome {
        guard limit > 0 else { return .counted }
        return try await postgres.withTransaction { tx in
            // Everybody takes the row of an address before that of a key.
            let ofClient = try await tx.query(Self.count(Self.client(client)))
            let ofKey = if let key { try await tx.query(Self.count("key \(key)")) } else { [Row]() }
            let failures: Int = try ofClient[0][0]
            let isGuarded = try ofKey.first.map { try $0[0] as Int > keyLimit } ?? false
            if let seconds: Int = try ofClient[0][1] { return .lockedOut(seconds) }
            guard failures >= limit || isGuarded else { return .counted }
            try await tx.execute(
                Query(
                    "wrong_keys.lock",
                    """
                    UPDATE wrong_keys SET locked_until = usher_now() + make_interval(mins => \(Self.minutes))
                    WHERE subject = \(Self.client(client))
                    """
                )
            )
            try await AuditTrail.append(
                "lock_out",
                on: OnSaleID(rawValue: 0),
                by: AuditTrail.usher,
                detail: [
                    "client": .string(client), "failures": .integer(failures),
                    "key": key.map { .integer(Int($0)) } ?? .null,
                ],
                in: &tx
            )
            // The last failure that was free is told as one.
            return failures > limit || isGuarded ? .lockedOut(Int(Self.minutes) * 60) : .counted
        }
    }

    private static func client(_ name: String) -> String { "client \(name)" }

    /// Answers the failures of this window, and for how long the subject is locked out already.
    private static func count(_ subject: String) -> Query {
        Query(
            "wrong_keys.count",
            """
            INSERT INTO wrong_keys AS w (subject, failures, began_at) VALUES (\(subject), 1, usher_now())
            ON CONFLICT (subject) DO UPDATE SET
                failures = CASE WHEN w.began_at > usher_now() - make_interval(mins => \(minutes))
                    THEN w.failures + 1 ELSE 1 END,
                began_at = CASE WHEN w.began_at > usher_now() - make_interval(mins => \(minutes))
                    THEN w.began_at ELSE usher_now() END
            RETURNING failures, CASE WHEN locked_until > usher_now()
                THEN ceil(extract(epoch FROM locked_until - usher_now()))::integer END
            """
        )
    }
}
