internal import Foundation

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// A cache of somebody else's with an HTTP interface that forgets by key, such as Fastly's or Cloudflare's.
package struct HTTPCache: PageCache {
    /// How it is asked.
    package struct Interface: Sendable {
        /// Where; `{key}` stands for a key, and then there is a call for each.
        package var url: String
        package var method = "POST"
        /// The field that has the keys, with spaces between them; nil where they are elsewhere.
        package var keysField: String? = "Surrogate-Key"
        /// What is sent; `{keys}` stands for the keys as a JSON array.
        package var body: String?
        /// The field that has the token, such as `Fastly-Key`, or `Authorization`, which has it as a bearer's.
        package var tokenField = "Authorization"
        /// Never shown.
        package var token: String?

        package init(url: String) { self.url = url }
    }

    package let name: String
    package let limit: Int
    private let interface: Interface
    private let client: OutboundHTTP

    /// - Returns: nil for what is no http or https address.
    package init?(_ interface: Interface, limit: Int = 100, timeout: Duration = .seconds(5)) {
        let sample = interface.url.replacing("{key}", with: "key")
        guard let url = URL(string: sample), ["http", "https"].contains(url.scheme), let host = url.host()
        else { return nil }
        name = "http \(host)\(url.port.map { ":\($0)" } ?? "")"
        self.interface = interface
        self.limit = limit
        client = OutboundHTTP(timeout: timeout)
    }

    package func purge(_ keys: [PurgeKey]) async throws {
        let texts = keys.map(\.text)
        guard interface.url.contains("{key}") else { return try await send(interface.url, texts) }
        // Keys are ids and words: nothing in them needs an escape.
        for text in texts { try await send(interface.url.replacing("{key}", with: text), [text]) }
    }

    private func send(_ address: String, _ keys: [String]) async throws {
        guard let url = URL(string: address) else { throw CacheRefused(status: 400) }
        var request = URLRequest(url: url)
        request.httpMethod = interface.method
        if let field = interface.keysField {
            request.setValue(keys.joined(separator: " "), forHTTPHeaderField: field)
        }
        if let token = interface.token {
            let isBearer = interface.tokenField.lowercased() == "authorization"
            request.setValue(isBearer ? "Bearer \(token)" : token, forHTTPHeaderField: interface.tokenField)
        }
        if let body = interface.body {
            let list = "[" + keys.map { "\"\($0)\"" }.joined(separator: ",") + "]"
            request.httpBody = Data(body.replacing("{keys}", with: list).utf8)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let status = try await client.send(request).status
        guard (200..<300).contains(status) else { throw CacheRefused(status: status) }
    }
}
