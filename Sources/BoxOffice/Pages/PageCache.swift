/// A cache in front of gateways, as far as it can be told to forget.
package protocol PageCache: Sendable {
    /// What the log, the metrics and the tables call it; no secret is in it.
    var name: String { get }
    /// The most keys in one call.
    var limit: Int { get }

    /// Has it forget everything that it keeps under these keys; doing so twice is harmless.
    ///
    /// - Throws: anything, to be asked again later.
    func purge(_ keys: [PurgeKey]) async throws
}

/// What a cache is to forget.
package struct PurgeKey: Sendable, Hashable {
    /// As it stands in the field `Surrogate-Key` of the answers.
    package let text: String

    package init(_ text: String) { self.text = text }

    /// Where the pages are that have it, for caches that know addresses only.
    package var paths: [String] {
        guard let end = text.lastIndex(of: "-"), let id = OnSaleID(publicID: String(text[..<end])) else {
            return []
        }
        return PageName.all.filter { $0.key(of: id) == text }.map { $0.path(of: id) }
    }
}

/// The caches that somebody set up.
package struct PageCaches: Sendable {
    package let all: [any PageCache]

    package init(_ all: [any PageCache] = []) { self.all = all }

    /// Their names.
    package var names: [String] { all.map(\.name) }

    subscript(name: String) -> (any PageCache)? { all.first { $0.name == name } }
}

/// A cache that didn't do what it was asked.
package struct CacheRefused: Error, Sendable, CustomStringConvertible {
    package let status: Int

    package var description: String { "the cache answered \(status)" }
}
