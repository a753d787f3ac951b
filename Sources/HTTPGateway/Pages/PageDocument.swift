internal import HTTP
internal import Pages

/// One of the three pages: its HTML, and the policy that keeps it to its own files.
struct PageDocument: Sendable {
    /// What may be put into a page.
    typealias Values = KeyValuePairs<String, String>

    private let parts: [Substring]

    /// - Parameter name: the file; a word in double braces stands for a value.
    init(_ name: String) {
        let file = PageFiles.all.first { $0.name == name }
        parts = String(decoding: file?.bytes ?? [], as: UTF8.self).split(
            separator: "{{",
            omittingEmptySubsequences: false
        )
    }

    /// Nothing but what this gateway serves, no script or style in the page itself, and no text made into either.
    static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        + "trusted-types 'none'"

    /// The page as an answer.
    ///
    /// - Parameters:
    ///   - values: what stands where in the page, as HTML.
    ///   - status: the status.
    ///   - caching: the Cache-Control header.
    /// - Returns: the page with its headers.
    func response(_ values: Values = [:], status: Int = 200, caching: String = "no-cache") -> HTTPResponse {
        var html = String(parts.first ?? "")
        for part in parts.dropFirst() {
            guard let end = part.firstIndex(of: "}") else { continue }
            let name = part[..<end]
            html += name == "assets" ? PageAssets.path : values.first { $0.key == name }?.value ?? ""
            html += part[end...].dropFirst(2)
        }
        return HTTPResponse(
            status: status,
            headers: [
                "Content-Type": "text/html; charset=utf-8", "Cache-Control": caching,
                "Content-Security-Policy": Self.policy, "Referrer-Policy": "no-referrer",
                "Cross-Origin-Opener-Policy": "same-origin",
                "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            ],
            body: Array(html.utf8)
        )
    }
}
