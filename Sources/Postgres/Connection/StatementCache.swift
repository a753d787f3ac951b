/// The statements a connection has prepared, the least recently used first to go.
struct StatementCache {
    /// Two statements with the same text but parameters of other types are different to the server.
    struct Key: Hashable {
        let text: String
        let types: [PostgresType]

        init(_ query: Query) {
            text = query.text
            types = query.parameters.map(\.type)
        }
    }

    private struct Entry {
        let name: String
        var usedAt: UInt64
    }

    private let limit: Int
    private var entries: [Key: Entry] = [:]
    private var clock: UInt64 = 0
    private var lastName = 0

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { entries.count }

    /// The name of a prepared statement, which counts as a use of it.
    mutating func name(for key: Key) -> String? {
        guard let index = entries.index(forKey: key) else { return nil }
        clock += 1
        entries.values[index].usedAt = clock
        return entries.values[index].name
    }

    /// A name that no statement of this connection had before.
    mutating func makeName() -> String {
        lastName += 1
        return "u\(lastName)"
    }

    mutating func insert(_ key: Key, name: String) {
        clock += 1
        entries[key] = Entry(name: name, usedAt: clock)
    }

    /// No statements, but names still never come twice.
    func emptied() -> Self {
        var cache = Self(limit: limit)
        cache.lastName = lastName
        return cache
    }

    mutating func remove(_ key: Key) {
        entries[key] = nil
    }

    /// Whether so many can come in without another going out.
    func hasRoom(for count: Int) -> Bool { entries.count + count <= limit }

    /// Takes out the statement unused for longest, if the cache has no room; the server has to forget it, too.
    ///
    /// - Parameter count: how many are about to come in.
    /// - Returns: what was taken out.
    mutating func evict(expecting count: Int) -> (key: Key, name: String)? {
        guard !hasRoom(for: count),
            let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt })
        else { return nil }
        entries[oldest.key] = nil
        return (oldest.key, oldest.value.name)
    }
}
