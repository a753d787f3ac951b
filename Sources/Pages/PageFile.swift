/// A file that pages are made of.
public struct PageFile: Sendable {
    /// Its name, which nothing else has.
    public let name: String
    /// What is in it.
    public let bytes: [UInt8]

    /// The media type, by the name's ending.
    public var type: String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "json": "application/json"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }

    init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}
