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
