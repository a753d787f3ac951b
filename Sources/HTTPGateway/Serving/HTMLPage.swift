internal import BoxOffice
internal import Foundation
internal import HTTP

/// A page without scripts: one style, and nothing from anywhere else.
struct HTMLPage: Sendable {
    private let style: String
    private let policy: String

    /// - Parameters:
    ///   - style: The page's CSS.
    ///   - formAction: Where its forms may go, as a content security policy says it.
    init(style: String, formAction: String = "'none'") {
        self.style = style
        let hash = Data(Digest.sha256(style)).base64EncodedString()
        policy =
            "default-src 'none'; style-src 'sha256-\(hash)'; base-uri 'none'; "
            + "frame-ancestors 'none'; form-action \(formAction)"
    }

    /// The page as an answer.
    ///
    /// - Parameters:
    ///   - title: As text.
    ///   - content: As HTML.
    ///   - caching: The Cache-Control header.
    /// - Returns: 200 with the page.
    func response(title: String, content: String, caching: String) -> HTTPResponse {
        let html = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(Self.escaped(title))</title><style>\(style)</style></head><body><main>
            \(content)
            </main></body></html>
            """
        let headers: HTTPHeaders = [
            "Content-Type": "text/html; charset=utf-8", "Cache-Control": caching,
            "Content-Security-Policy": policy,
        ]
        return HTTPResponse(status: 200, headers: headers, body: Array(html.utf8))
    }

    /// Text that can stand in HTML and in its attributes.
    static func escaped(_ text: String) -> String { EventPage.escaped(text) }
}
