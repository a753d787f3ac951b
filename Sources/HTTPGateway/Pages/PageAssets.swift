internal import BoxOffice
internal import HTTP
internal import Pages

/// The files of the pages, under a path that changes with them, so that browsers may keep them for ever.
struct PageAssets: Sendable {
    /// All assets are under it.
    static let root = "/assets/"
    /// Where this program's assets are, without a slash at the end.
    static let path = root + version

    private static let version: String = {
        let content = PageFiles.all.reduce(into: [UInt8]()) { $0 += Array($1.name.utf8) + [0] + $1.bytes }
        return Hex.encode(Digest.sha256(content).prefix(8))
    }()

    private let current: [String: Asset]
    /// For pages that another version of this program served.
    private let other: [String: Asset]

    init() {
        var (current, other) = ([String: Asset](), [String: Asset]())
        for file in PageFiles.all where !file.name.hasSuffix(".html") {
            let tag = Hex.encode(Digest.sha256(file.bytes).prefix(12))
            current[file.name] = Asset(
                file.bytes,
                type: file.type,
                tag: tag,
                caching: "public, max-age=31536000, immutable"
            )
            other[file.name] = Asset(file.bytes, type: file.type, tag: tag, caching: "no-cache")
        }
        (self.current, self.other) = (current, other)
    }

    /// Answers a GET or HEAD below ``root``.
    ///
    /// Behind one balancer there are for a while gateways of two versions: a file that is asked for by the other's path is
    /// answered with ours, which nobody is to keep.
    func response(to request: HTTPRequest) throws(Problem) -> HTTPResponse {
        let parts = request.path.dropFirst(Self.root.count).split(
            separator: "/",
            omittingEmptySubsequences: false
        )
        guard parts.count == 2 else { throw .notFound }
        let assets = parts[0] == Self.version ? current : other
        guard let asset = assets[String(parts[1])] else { throw .notFound }
        return asset.response(to: request)
    }
}
