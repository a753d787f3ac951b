package import Foundation

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// A Varnish that runs with `deploy/varnish/usher.vcl`.
package struct VarnishCache: PageCache {
    /// How it is told.
    package enum Manner: String, Sendable, CaseIterable {
        /// One `BAN` with the keys in the field `Surrogate-Key`, however many pages have them.
        case ban
        /// One `PURGE` for the address of each page.
        case purge
    }

    package let name: String
    package let limit = 100
    private let url: URL
    private let manner: Manner
    private let client: OutboundHTTP

    package init(url: URL, manner: Manner = .ban, timeout: Duration = .seconds(5)) {
        name = "varnish \(url.host() ?? "")\(url.port.map { ":\($0)" } ?? "")"
        self.url = url
        self.manner = manner
        client = OutboundHTTP(timeout: timeout)
    }

    package func purge(_ keys: [PurgeKey]) async throws {
        switch manner {
        case .ban:
            try await send("BAN", "/", keys: keys.map(\.text).joined(separator: " "))
        case .purge:
            for path in keys.flatMap(\.paths) { try await send("PURGE", path, keys: nil) }
        }
    }

    private func send(_ method: String, _ path: String, keys: String?) async throws {
        guard let address = URL(string: path, relativeTo: url) else { throw CacheRefused(status: 400) }
        var request = URLRequest(url: address)
        request.httpMethod = method
        if let keys { request.setValue(keys, forHTTPHeaderField: "Surrogate-Key") }
        let status = try await client.send(request).status
        guard (200..<300).contains(status) else { throw CacheRefused(status: status) }
    }
}
