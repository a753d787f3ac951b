internal import BoxOffice
internal import Foundation
internal import Postgres

/// Which caches are told when a page has changed, as it stands on the command line.
enum PageCacheOptions {
    static let varnish = Option(
        "purge-varnish",
        .list("URLS"),
        environment: "USHER_PURGE_VARNISH",
        help:
            "Varnishes that are told when a page has changed, as in http://10.0.0.7:6081; see deploy/varnish"
    )
    static let varnishBy = Option(
        "purge-varnish-by",
        .choice(VarnishCache.Manner.allCases.map(\.rawValue)),
        environment: "USHER_PURGE_VARNISH_BY",
        initial: VarnishCache.Manner.ban.rawValue,
        help: "Whether they are sent a BAN with keys, or a PURGE for each address"
    )
    static let url = Option(
        "purge-url",
        .text("URL"),
        environment: "USHER_PURGE_URL",
        help:
            "Where another cache is told over HTTP, as in https://api.fastly.com/service/ID/purge; {key} stands for a key"
    )
    static let method = Option(
        "purge-method",
        .text("METHOD"),
        environment: "USHER_PURGE_METHOD",
        initial: "POST",
        help: "The method of that call"
    )
    static let keysField = Option(
        "purge-keys-header",
        .text("NAME"),
        environment: "USHER_PURGE_KEYS_HEADER",
        initial: "Surrogate-Key",
        help: "The field of that call that has the keys, with spaces between them"
    )
    static let body = Option(
        "purge-body",
        .text("TEXT"),
        environment: "USHER_PURGE_BODY",
        help:
            "What is sent with that call; {keys} stands for the keys as a JSON array, as in {\"tags\":{keys}}"
    )
    static let tokenField = Option(
        "purge-token-header",
        .text("NAME"),
        environment: "USHER_PURGE_TOKEN_HEADER",
        initial: "Authorization",
        help: "The field of that call that has the token; Authorization has it as a bearer's"
    )
    static let token = Option(
        "purge-token",
        .text("SECRET"),
        environment: "USHER_PURGE_TOKEN",
        help: "What we prove ourselves to that cache with; better set in the environment"
    )
    static let tokenFile = Option(
        "purge-token-file",
        .text("PATH"),
        environment: "USHER_PURGE_TOKEN_FILE",
        help: "A file that has it"
    )
    static let limit = Option(
        "purge-limit",
        .number(1...1_000),
        environment: "USHER_PURGE_LIMIT",
        initial: "100",
        help: "The most keys in one such call"
    )

    static let all = [varnish, varnishBy, url, method, keysField, body, tokenField, token, tokenFile, limit]

    /// The caches.
    ///
    /// - Throws: `Failure` in a line for what can't be used.
    static func caches(_ arguments: Arguments) throws -> PageCaches {
        let manner = arguments.text(varnishBy).flatMap(VarnishCache.Manner.init) ?? .ban
        var caches: [any PageCache] = try arguments.list(varnish).map { text in
            guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host() != nil
            else {
                throw Failure("--purge-varnish takes http or https URLs, not \"\(text)\"")
            }
            return VarnishCache(url: url, manner: manner)
        }
        if let text = arguments.text(url) {
            var interface = HTTPCache.Interface(url: text)
            interface.method = arguments.text(method) ?? interface.method
            interface.keysField = arguments.text(keysField)
            interface.body = arguments.text(body)
            interface.tokenField = arguments.text(tokenField) ?? interface.tokenField
            interface.token = try secret(arguments)
            guard let cache = HTTPCache(interface, limit: arguments.number(limit) ?? 100) else {
                throw Failure("--purge-url takes an http or https URL, not \"\(text)\"")
            }
            caches.append(cache)
        }
        guard Set(caches.map(\.name)).count == caches.count else {
            throw Failure("a cache is named twice: \(caches.map(\.name).joined(separator: ", "))")
        }
        return PageCaches(caches)
    }

    private static func secret(_ arguments: Arguments) throws -> String? {
        guard let path = arguments.text(tokenFile) else { return arguments.text(token) }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw Failure("--purge-token-file names \(path), which can't be read")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
