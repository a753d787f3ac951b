/// Something that doesn't change while the server runs: a page's file, a document.
///
/// Browsers keep it and ask whether it is still the same; what was cut off is asked for from there on.
///
/// Source: RFC 9110 §13 and §14.
public struct Asset: Sendable {
    /// The bytes.
    public let body: [UInt8]
    /// What tells it from any other content, with its quotes.
    public let tag: String
    private let headers: HTTPHeaders

    /// Makes an asset.
    ///
    /// - Parameters:
    ///   - body: the bytes.
    ///   - type: the media type.
    ///   - tag: what tells this content from any other; token characters only.
    ///   - caching: the `Cache-Control` field.
    public init(_ body: [UInt8], type: String, tag: String, caching: String) {
        self.body = body
        self.tag = "\"\(tag)\""
        headers = [
            "Content-Type": type, "Cache-Control": caching, "ETag": self.tag, "Accept-Ranges": "bytes",
        ]
    }

    /// Answers a GET or HEAD.
    ///
    /// - Returns: 200; 304 for who has it; 206 with a part of it; 416 for a part that isn't there.
    public func response(to request: HTTPRequest) -> HTTPResponse {
        if let known = request.headers.value(of: "If-None-Match"), lists(known) {
            return HTTPResponse(status: 304, headers: headers)
        }
        guard request.method == .get, let range = request.headers["Range"], mayBeCut(request) else {
            return HTTPResponse(status: 200, headers: headers, body: body)
        }
        switch ByteRange(range, of: body.count) {
        case .whole: return HTTPResponse(status: 200, headers: headers, body: body)
        case .none:
            var problem = Problem.rangeNotSatisfiable.response
            problem.headers.add("Content-Range", "bytes */\(body.count)")
            return problem
        case .part(let part):
            var headers = headers
            headers.add("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(body.count)")
            return HTTPResponse(status: 206, headers: headers, body: Array(body[part]))
        }
    }

    /// Whether the list has this asset's tag; weak ones count, as nothing is changed here.
    private func lists(_ list: String) -> Bool {
        list.split(separator: ",").contains { element in
            var known = element.trimmed
            if known.hasPrefix("W/") { known = known.dropFirst(2) }
            return known == "*" || known == tag
        }
    }

    /// A part is of use only to who has the rest of the same content; no dates are told here, so none is the same.
    private func mayBeCut(_ request: HTTPRequest) -> Bool {
        request.headers["If-Range"].map { $0 == tag } ?? true
    }
}

extension HTTPHeaders {
    /// All values of a list field as one.
    func value(of name: String) -> String? {
        let values = all(name)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }
}
