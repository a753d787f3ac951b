internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// The signing keys, kept in memory and read again from time to time, so that a rotation reaches every gateway.
final class KeyRing: Sendable {
    private let postgres: PostgresClient
    private let logger: Logger
    private let keys = Lock<SigningKeys?>(nil)

    init(postgres: PostgresClient, logger: Logger) {
        self.postgres = postgres
        self.logger = logger
    }

    /// The keys.
    ///
    /// - Throws: ``Problem`` 503 as long as they could not be read.
    func current() throws(Problem) -> SigningKeys {
        guard let keys = keys.withLock({ $0 }) else { throw .databaseUnavailable }
        return keys
    }

    /// Reads them again every few seconds until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            var wait = Duration.seconds(5)
            do {
                try await refresh()
            } catch {
                wait = .seconds(1)
                if !Task.isCancelled {
                    logger.warning("could not read the signing keys", ["error": "\(error)"])
                }
            }
            try? await Task.sleep(for: wait)
        }
    }

    func refresh() async throws {
        let fresh = try await SigningKeys.load(from: postgres)
        keys.withLock { $0 = fresh }
    }
}

/// API keys that checked out, remembered for some seconds, so that a busy console costs one read now and then.
final class StaffKeys: Sendable {
    private struct Known {
        var holder: APIKeys.Holder
        var until: MonotonicTime
    }

    private let keys: APIKeys
    private let known = Lock<[[UInt8]: Known]>([:])

    init(keys: APIKeys) {
        self.keys = keys
    }

    /// The holder of a key that has the role.
    ///
    /// - Throws: ``Problem`` 401 or 403.
    func holder(of text: String, role: APIKeys.Role) async throws -> APIKeys.Holder {
        let fingerprint = Digest.sha256(text)
        let holder: APIKeys.Holder
        if let known = known.withLock({ $0[fingerprint] }), known.until > .now {
            holder = known.holder
        } else {
            guard let verified = try await keys.verify(text) else { throw Problem.invalidToken }
            holder = verified
            known.withLock { known in
                if known.count > 1_000 { known = [:] }
                known[fingerprint] = Known(holder: verified, until: .now + .seconds(5))
            }
        }
        guard holder.role == role else { throw Problem.wrongRole }
        return holder
    }
}
