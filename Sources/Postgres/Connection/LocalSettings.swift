/// The settings that a connection through a pooler brings along with each transaction.
///
/// Such a connection has no session of its own: what is set for a session would stay with the server's, for whoever
/// gets it next, and what another client set would be there. So all of it is local to a transaction, and is sent in
/// the same round trip as the transaction's first statement.
struct LocalSettings: Sendable {
    /// Names and values; a value is one identifier or word, quoted where it has to be.
    private let settings: [(name: String, value: String)]

    /// The settings that transactions of a configuration need; none unless it is pooled.
    init(_ configuration: PostgresConfiguration) {
        guard configuration.isPooled else {
            settings = []
            return
        }
        var settings: [(name: String, value: String)] = []
        if let schema = configuration.schema {
            settings.append(("search_path", SQL.quoted(identifier: schema)))
        }
        // Statements without a name are planned for their values each time, which is never the plan of a table that
        // was small once; so how plans are kept doesn't matter here.
        if configuration.prefersIndexes { settings += [("enable_seqscan", "off"), ("jit", "off")] }
        self.settings = settings
    }

    /// For the head of statements that are a transaction of their own: one statement, which sets all.
    ///
    /// Not SET LOCAL, of which the server warns where no BEGIN came before.
    var ahead: [Query] {
        guard !settings.isEmpty else { return [] }
        let calls = settings.map { setting -> SQL in
            "set_config(\(setting.name), \(setting.value), true)"
        }
        return [Query("settings", "SELECT \(fragment: SQL.joined(calls, separator: ", "))")]
    }

    /// For the time after BEGIN, or for the head of a script.
    ///
    /// Not a SELECT, whose snapshot would be the one of all statements under repeatable read.
    var afterBegin: [Query] {
        settings.map { Query("settings", SQL(stringLiteral: "SET LOCAL \($0.name) = \($0.value)")) }
    }

    /// The same with what begins a transaction: BEGIN first, then these.
    func following(_ begin: [Query]) -> [Query] {
        guard let first = begin.first else { return [] }
        return [first] + afterBegin + begin.dropFirst()
    }
}
