internal import Postgres

/// Whether the database is reached through a pooler, and where the server is behind it.
struct PoolerSettings: Sendable {
    private let isPooled: Bool
    private let directURL: String?

    /// The settings of a server that is reached directly.
    static let none = Self(isPooled: false, directURL: nil)

    private init(isPooled: Bool, directURL: String?) {
        self.isPooled = isPooled
        self.directURL = directURL
    }

    /// Reads what a call was given.
    init(_ invocation: Invocation) throws(UsageError) {
        isPooled = invocation.arguments.flag(.pooled)
        directURL = invocation.arguments.text(.directURL)
        guard isPooled || directURL == nil else {
            throw UsageError(
                command: invocation.path,
                message: "--direct-url is of use only with --pooled; the server alone is --database-url"
            )
        }
    }

    /// Tells connections of it.
    func apply(to configuration: inout PostgresConfiguration) throws {
        configuration.isPooled = isPooled
        guard let directURL else { return }
        do {
            try configuration.listenDirectly(at: directURL)
        } catch {
            throw Failure("--direct-url can't be used: \(OneLine.describing(error))")
        }
    }

    /// Tells processes that are started of it.
    func export(to environment: inout [String: String]) {
        environment[Option.pooled.environment ?? ""] = isPooled ? "true" : nil
        environment[Option.directURL.environment ?? ""] = directURL
    }
}
