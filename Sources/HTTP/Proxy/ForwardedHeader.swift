/// The field in which proxies tell whom they ask for.
public enum ForwardedHeader: String, Sendable, CaseIterable {
    /// `X-Forwarded-For: client, proxy, proxy`.
    case xForwardedFor = "x-forwarded-for"
    /// `Forwarded: for=client, for=proxy` (RFC 7239).
    case forwarded = "forwarded"

    /// Whom a request is for.
    ///
    /// Each proxy adds whom it heard from at the end, so the list is read from there for as long as the proxies can be
    /// trusted: what the last stranger says of himself and others counts for nothing.
    ///
    /// - Parameters:
    ///   - headers: the request's.
    ///   - peer: who sent it.
    ///   - trusted: the proxies.
    /// - Returns: the nearest address that isn't a trusted proxy's, or the farthest one there is.
    public func client(
        of headers: HTTPHeaders,
        peer: SocketAddress,
        trusted: [AddressRange]
    ) -> SocketAddress {
        guard trusted.contains(peer) else { return peer }
        var nearest = peer
        for value in headers.all(rawValue).reversed() {
            for element in Self.elements(value).reversed() {
                guard let address = address(in: element) else { return nearest }
                nearest = address
                if !trusted.contains(address) { return nearest }
            }
        }
        return nearest
    }

    private func address(in element: Substring) -> SocketAddress? {
        switch self {
        case .xForwardedFor: return Self.address(element)
        case .forwarded:
            for pair in Self.split(element, at: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, ASCII.equalIgnoringCase(String(parts[0].trimmed), "for") else {
                    continue
                }
                var value = parts[1].trimmed
                if value.count >= 2, value.first == "\"", value.last == "\"" {
                    value = value.dropFirst().dropLast()
                }
                return Self.address(value)
            }
            return nil
        }
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
    private static func address(_ text: Substring) -> SocketAddress? {
        var host = text.trimmed
        if host.first == "[" {
            guard let end = host.firstIndex(of: "]") else { return nil }
            host = host[host.index(after: host.startIndex)..<end]
        } else if host.utf8.count(where: { $0 == ASCII.colon }) == 1, let colon = host.firstIndex(of: ":") {
            host = host[..<colon]
        }
        guard host != "localhost" else { return nil }
        return SocketAddress(literal: String(host), port: 0)?.unmapped
    }

    private static func elements(_ value: String) -> [Substring] { split(value[...], at: ",") }

    /// Splits where the separator stands outside of quotes.
    private static func split(_ text: Substring, at separator: Character) -> [Substring] {
        var isQuoted = false
        return text.split(omittingEmptySubsequences: true) { character in
            if character == "\"" { isQuoted.toggle() }
            return character == separator && !isQuoted
        }
    }
}
