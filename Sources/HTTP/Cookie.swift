/// A cookie that scripts can't read and that other sites' requests don't carry.
///
/// Source: RFC 6265bis.
public struct Cookie: Sendable, Hashable {
    /// The name; a token.
    public var name: String
    /// The value, without spaces, quotes, commas, semicolons and backslashes.
    public var value: String
    /// The part of the server that it is for.
    public var path: String
    /// How many seconds it is kept; nil for as long as the browser runs, 0 to take it back.
    public var maxAge: Int?
    /// Whether it also comes with a link from another site, as `SameSite=Lax` has it.
    public var comesWithLinks: Bool

    /// Makes a cookie.
    public init(
        _ name: String,
        _ value: String,
        path: String = "/",
        maxAge: Int? = nil,
        comesWithLinks: Bool = false
    ) {
        self.name = name
        self.value = value
        self.path = path
        self.maxAge = maxAge
        self.comesWithLinks = comesWithLinks
    }

    /// The value of the `Set-Cookie` header.
    ///
    /// - Parameter isSecure: whether browsers may send it over TLS only.
    /// - Returns: name, value and attributes.
    public func header(isSecure: Bool) -> String {
        var text = "\(name)=\(value); Path=\(path); HttpOnly; SameSite=\(comesWithLinks ? "Lax" : "Strict")"
        if let maxAge { text += "; Max-Age=\(maxAge)" }
        if isSecure { text += "; Secure" }
        return text
    }
}

extension HTTPRequest {
    /// The value of a cookie that came with the request; the first of that name, which is the one of the longest path.
    public func cookie(_ name: String) -> String? {
        cookies.first { $0.name == name }?.value
    }

    /// All cookies that came with the request.
    public var cookies: [(name: String, value: String)] {
        headers.all("Cookie").flatMap { $0.split(separator: ";") }.compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            return (String(parts[0].trimmed), String(parts[1].trimmed))
        }
    }
}
