internal import CLibPQ
internal import Reactor

/// Where the server is and who we are to it.
public struct PostgresConfiguration: Sendable, CustomStringConvertible {
    /// The settings libpq has, by its own keywords.
    var parameters: [String: String]

    /// The one schema on the search path; nil leaves the path as the server has it.
    public var schema: String?
    /// Whether each statement is planned once, for any values, and kept from reading tables from end to end where an
    /// index would do.
    ///
    /// For processes that work on single rows all day: a plan that was made and kept when a table was small reads all
    /// of it when it has grown, and planning a claim anew costs more than running it. Not for those that read much at
    /// once, such as reports.
    public var prefersIndexes = false
    /// Whether a pooler stands between us and the server that gives each transaction another session, as PgBouncer
    /// does with `pool_mode=transaction`.
    ///
    /// Nothing is then kept in a session: statements are not prepared, ``schema`` and ``prefersIndexes`` are set
    /// for each transaction anew, in its first round trip, and ``PostgresClient/listen(_:)`` hears nothing unless
    /// ``listenDirectly(at:)`` said where the server is.
    public var isPooled = false
    /// Where the server itself is, as ``parameters`` have it.
    private var directParameters: [String: String]?
    /// What `pg_stat_activity` calls us.
    public var applicationName = "usher"
    /// How long one address may take to answer before the next is tried.
    public var connectTimeout: Duration
    /// How many prepared statements a connection keeps.
    public var statementCacheLimit = 256
    /// Where tests have the plans of all statements kept.
    package var plans: PlanLog?

    /// Reads a URL such as `postgresql://me@db1,db2:5433/usher?target_session_attrs=read-write`.
    ///
    /// What the URL leaves open comes from the `PG*` environment of the process, as libpq has it.
    ///
    /// - Parameter url: a URL or a list of `keyword=value`, as libpq takes them.
    /// - Throws: ``PostgresError`` with code `configuration` that says what is wrong with it, without its password.
    public init(url: String) throws {
        guard url.contains("=") || url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else {
            throw PostgresError(.configuration, "a database URL begins with postgresql://")
        }
        var complaint: UnsafeMutablePointer<CChar>?
        guard let options = unsafe PQconninfoParse(url, &complaint) else {
            let message = unsafe complaint.map { unsafe String(cString: $0) } ?? "out of memory"
            unsafe PQfreemem(complaint)
            let redacted = Self.redact(PostgresError.oneLine(message), secretsOf: url)
            throw PostgresError(.configuration, "the database URL can't be read: \(redacted)")
        }
        try self.init(parameters: unsafe Self.collect(options))
    }

    /// Reads the `PG*` variables (`PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`, `PGSSLMODE`, …).
    ///
    /// - Throws: ``PostgresError`` with code `configuration` that says what is wrong.
    public init(environment: [String: String]) throws {
        var parameters: [String: String] = [:]
        // libpq tells which variable belongs to which keyword.
        guard let defaults = unsafe PQconndefaults() else {
            throw PostgresError(.configuration, "libpq can't read its defaults")
        }
        defer { unsafe PQconninfoFree(defaults) }
        var option = unsafe defaults
        while let keyword = unsafe option.pointee.keyword {
            if let variable = unsafe option.pointee.envvar,
                let value = unsafe environment[String(cString: variable)]
            {
                parameters[unsafe String(cString: keyword)] = value
            }
            unsafe option += 1
        }
        try self.init(parameters: parameters)
    }

    private init(parameters: [String: String]) throws {
        var parameters = parameters
        if let defaults = unsafe PQconndefaults() {
            let inherited = unsafe Self.collect(defaults)
            // A host of our own is not to be joined with an address or a port of the environment's.
            let ownHost = parameters["host"] != nil || parameters["hostaddr"] != nil
            for (keyword, value) in inherited where parameters[keyword] == nil {
                if ownHost && ["host", "hostaddr"].contains(keyword) { continue }
                parameters[keyword] = value
            }
        }
        connectTimeout = .seconds(10)
        if let text = parameters.removeValue(forKey: "connect_timeout") {
            guard let seconds = Int(text) else {
                throw PostgresError(.configuration, "connect_timeout is '\(text)', not a number of seconds")
            }
            if seconds > 0 { connectTimeout = .seconds(seconds) }
        }
        if let name = parameters.removeValue(forKey: "application_name"), !name.isEmpty {
            applicationName = name
        }
        self.parameters = parameters.filter { !$0.value.isEmpty }
        _ = try endpoints()
    }

    /// Says where the server itself is, past the pooler, for the one thing that needs a session: LISTEN.
    ///
    /// - Parameter url: a URL or a list of `keyword=value`, as ``init(url:)`` takes them.
    /// - Throws: ``PostgresError`` with code `configuration` that says what is wrong with it, without its password.
    public mutating func listenDirectly(at url: String) throws {
        directParameters = try Self(url: url).parameters
    }

    /// The settings of a connection to the server itself: these, unless a pooler stands between; nil when nobody
    /// said where the server is.
    var direct: Self? {
        guard isPooled else { return self }
        guard let directParameters else { return nil }
        var direct = self
        direct.parameters = directParameters
        direct.directParameters = nil
        direct.isPooled = false
        return direct
    }

    /// The settings of a connection that may read the server's log; nil when only a pooler can be reached.
    var replicating: Self? {
        var configuration = direct
        configuration?.parameters["replication"] = "database"
        return configuration
    }

    /// The hosts, the database and the user; never the password.
    public var description: String {
        let hosts = (try? endpoints().map(\.description).joined(separator: ",")) ?? "?"
        let user = parameters["user"].map { "\($0)@" } ?? ""
        return "\(user)\(hosts)/\(parameters["dbname"] ?? "")\(schema.map { " schema \($0)" } ?? "")"
    }

    /// The database's name, where it was given.
    public var database: String? { parameters["dbname"] }

    // MARK: Endpoints

    /// One host of the list.
    struct Endpoint: Sendable, CustomStringConvertible {
        var host: String
        var address: String
        var port: String

        var isUnixSocket: Bool {
            address.isEmpty && (host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@"))
        }

        var description: String {
            let name = host.isEmpty ? (address.isEmpty ? "local socket" : address) : host
            return port.isEmpty ? name : "\(name):\(port)"
        }
    }

    func endpoints() throws -> [Endpoint] {
        let hosts = Self.list(parameters["host"])
        let addresses = Self.list(parameters["hostaddr"])
        let ports = Self.list(parameters["port"])
        let count = max(hosts.count, addresses.count, 1)
        guard hosts.isEmpty || addresses.isEmpty || hosts.count == addresses.count else {
            throw PostgresError(
                .configuration,
                "\(hosts.count) hosts don't go with \(addresses.count) addresses"
            )
        }
        guard ports.count <= 1 || ports.count == count else {
            throw PostgresError(.configuration, "\(ports.count) ports don't go with \(count) hosts")
        }
        for port in ports where !port.isEmpty {
            guard let number = Int(port), (1...65535).contains(number) else {
                throw PostgresError(.configuration, "'\(port)' is no port number")
            }
        }
        return (0..<count).map { index in
            Endpoint(
                host: hosts.isEmpty ? "" : hosts[index],
                address: addresses.isEmpty ? "" : addresses[index],
                port: ports.isEmpty ? "" : ports.count == 1 ? ports[0] : ports[index]
            )
        }
    }

    private static func list(_ text: String?) -> [String] {
        guard let text, !text.isEmpty else { return [] }
        return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    // MARK: What libpq is given

    /// The settings for one attempt at one address.
    func keywords(for endpoint: Endpoint, sessionAttributes: String?) -> [(keyword: String, value: String)] {
        var all = parameters
        // Kerberos look-ups block; keepalives notice a dead server while we only wait.
        for (keyword, value) in [
            "gssencmode": "disable", "keepalives_idle": "15", "keepalives_interval": "5",
            "keepalives_count": "3",
            "tcp_user_timeout": "30000",
        ] where all[keyword] == nil {
            all[keyword] = value
        }
        all["client_encoding"] = "UTF8"
        all["application_name"] = applicationName
        all["host"] = endpoint.host.isEmpty ? nil : endpoint.host
        all["hostaddr"] = endpoint.address.isEmpty ? nil : endpoint.address
        all["port"] = endpoint.port.isEmpty ? nil : endpoint.port
        all["target_session_attrs"] = sessionAttributes
        if prefersIndexes {
            all["options"] =
                (all["options"].map { $0 + " " } ?? "")
                + "-c enable_seqscan=off -c jit=off -c plan_cache_mode=force_generic_plan"
        }
        if let schema {
            // The server splits options at blanks, which a backslash escapes.
            var escaped = ""
            for character in SQL.quoted(identifier: schema) {
                if character == "\\" || character.isWhitespace { escaped += "\\" }
                escaped.append(character)
            }
            all["options"] = (all["options"].map { $0 + " " } ?? "") + "-c search_path=\(escaped)"
        }
        // A pooler refuses options, since a session has them for good; see LocalSettings.
        if isPooled { all["options"] = parameters["options"] }
        return all.map { (keyword: $0.key, value: $0.value) }
    }

    private static func collect(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [String: String] {
        defer { unsafe PQconninfoFree(options) }
        var collected: [String: String] = [:]
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                collected[unsafe String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
        return collected
    }

    /// Blots out what stands between the user's name and the host, in case libpq quotes it.
    private static func redact(_ message: String, secretsOf url: String) -> String {
        var message = message
        if let scheme = url.firstRange(of: "://"), let at = url[scheme.upperBound...].lastIndex(of: "@"),
            let colon = url[scheme.upperBound..<at].firstIndex(of: ":")
        {
            let secret = String(url[url.index(after: colon)..<at])
            if !secret.isEmpty { message.replace(secret, with: "***") }
        }
        if let password = url.firstRange(of: "password=") {
            let secret = String(url[password.upperBound...].prefix { $0 != " " && $0 != "&" })
            if !secret.isEmpty { message.replace(secret, with: "***") }
        }
        return message.replacing(url, with: "***")
    }
}
