internal import HTTP
internal import HTTPGateway

/// What `usher gateway` takes beside the database: where it listens, whom it trusts and how much it gives to one client.
enum GatewayOptions {
    static let maxConnections = Option(
        "max-connections",
        .number(64...1_000_000),
        environment: "USHER_MAX_CONNECTIONS",
        help:
            "Connections at one time; by default 20000, or as many descriptors as the process has. For more, each loop gets "
            + "a table of descriptors of its own, and there are as many loops as that takes"
    )
    static let certificate = Option(
        "tls-certificate",
        .text("PATH"),
        environment: "USHER_TLS_CERTIFICATE",
        help: "The certificate chain in PEM, to speak TLS; it is read again when the file changes"
    )
    static let key = Option(
        "tls-key",
        .text("PATH"),
        environment: "USHER_TLS_KEY",
        help: "The certificate's private key in PEM"
    )
    static let trustedProxies = Option(
        "trusted-proxies",
        .list("RANGES"),
        environment: "USHER_TRUSTED_PROXIES",
        help:
            "Addresses of the balancers before the gateway, as in 10.0.0.0/8,2001:db8::/32; what they say of "
            + "their clients counts"
    )
    static let forwarded = Option(
        "forwarded-header",
        .choice(ForwardedHeader.allCases.map(\.rawValue)),
        environment: "USHER_FORWARDED_HEADER",
        initial: ForwardedHeader.xForwardedFor.rawValue,
        help: "The field in which they say it, and which they don't let their clients set"
    )
    static let proxyProtocol = Option(
        "proxy-protocol",
        .flag,
        environment: "USHER_PROXY_PROTOCOL",
        help: "Connections begin with a PROXY header (version 1 or 2), and only trusted proxies may connect"
    )
    static let accessLog = Option(
        "access-log",
        .text("PATH"),
        environment: "USHER_ACCESS_LOG",
        help: "Where answers are noted, a line of JSON each; - is standard output"
    )
    static let accessSample = Option(
        "access-sample",
        .text("SHARE"),
        environment: "USHER_ACCESS_SAMPLE",
        initial: "0.01",
        help: "Which share of the answers is noted, from 0 to 1; failures always are"
    )
    static let origins = Option(
        "cors-origins",
        .list("ORIGINS"),
        environment: "USHER_CORS_ORIGINS",
        help: "Origins whose pages may make the buyers' calls, as in https://shop.example; * is any"
    )
    static let clientRate = Option(
        "client-rate",
        .number(0...1_000_000),
        environment: "USHER_CLIENT_RATE",
        initial: "2000",
        help: "Requests a second of one address, in bursts of five seconds' worth; 0 is without limit"
    )
    static let tokenRate = Option(
        "token-rate",
        .number(0...1_000_000),
        environment: "USHER_TOKEN_RATE",
        initial: "20",
        help: "Requests a second with one token, in bursts of five seconds' worth; 0 is without limit"
    )
    static let wrongKeys = Option(
        "wrong-keys",
        .number(0...1_000_000),
        environment: "USHER_WRONG_KEYS",
        initial: "10",
        help:
            "Wrong API keys of one address in 15 minutes, after which it is locked out for as long; 0 is without limit"
    )
    static let clientConnections = Option(
        "client-connections",
        .number(1...1_000_000),
        environment: "USHER_CLIENT_CONNECTIONS",
        initial: "4000",
        help: "Connections of one address at one time"
    )

    static let replicaURL = Option(
        "replica-url",
        .text("URL"),
        environment: "USHER_REPLICA_URL",
        help: "A streaming replica, where what everybody may see is read while it is fresh"
    )
    static let replicaStaleness = Option(
        "replica-staleness",
        .duration,
        environment: "USHER_REPLICA_STALENESS",
        initial: "2s",
        help: "How old the replica's answers may be before the primary is asked instead"
    )

    static let drainDelay = Option(
        "drain-delay",
        .duration,
        environment: "USHER_DRAIN_DELAY",
        initial: "0s",
        help: "How long new connections are still accepted after SIGTERM, while /readyz already says 503"
    )

    static let paymentMethods = Option(
        "payment-methods",
        .list("NAMES"),
        environment: "USHER_PAYMENT_METHODS",
        initial: "card",
        help:
            "The payment methods that the line's page offers, by the names that the payment provider knows them by"
    )

    static let pageSeconds = Option(
        "page-seconds",
        .number(1...86_400),
        environment: "USHER_PAGE_SECONDS",
        initial: "2",
        help:
            "How long caches in front may keep event pages and seat maps; make it long where they are told to purge"
    )

    static let all = [
        pageSeconds,
        replicaURL, replicaStaleness, drainDelay,
        maxConnections, certificate, key, trustedProxies, forwarded, proxyProtocol, accessLog, accessSample,
        origins, clientRate, tokenRate, clientConnections, wrongKeys, paymentMethods,
    ]

    /// The server that the options describe.
    ///
    /// - Throws: ``UsageError`` that names the option and what it takes, ``Failure`` that names a file that can't be used.
    static func server(_ invocation: Invocation) throws -> HTTPServerConfiguration {
        let arguments = invocation.arguments
        var server = GatewayConfiguration().server
        if let connections = arguments.number(maxConnections) { server.maxConnections = connections }
        server.certificate = try tlsCertificate(invocation)
        server.trustedProxies = try arguments.list(trustedProxies).map { text in
            guard let range = AddressRange(text) else {
                throw misuse(
                    "--trusted-proxies takes addresses and ranges such as 10.0.0.0/8, not \"\(text)\"",
                    invocation
                )
            }
            return range
        }
        server.forwardedHeader = arguments.text(forwarded).flatMap(ForwardedHeader.init) ?? .xForwardedFor
        server.expectsProxyHeader = arguments.flag(proxyProtocol)
        guard !server.expectsProxyHeader || !server.trustedProxies.isEmpty else {
            throw misuse("--proxy-protocol needs --trusted-proxies: nobody else may connect then", invocation)
        }
        server.accessLog = try log(invocation)
        server.traffic.clientRate = rate(arguments.number(clientRate))
        server.traffic.tokenRate = rate(arguments.number(tokenRate))
        server.traffic.connectionsPerClient = arguments.number(clientConnections) ?? 4_000
        return server
    }

    /// The origins of pages that may make calls.
    ///
    /// - Throws: ``UsageError`` for one that isn't an origin.
    static func origins(_ invocation: Invocation) throws -> [String] {
        let list = invocation.arguments.list(origins)
        for origin in list where origin != "*" {
            let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "https:" || parts[0] == "http:", parts[1].isEmpty,
                !parts[2].isEmpty
            else {
                throw misuse(
                    "--cors-origins takes origins such as https://shop.example, not \"\(origin)\"",
                    invocation
                )
            }
        }
        return list
    }

    /// The payment methods that the line's page offers.
    ///
    /// - Throws: ``UsageError`` when there is one twice, or one that is no name.
    static func paymentMethods(_ invocation: Invocation) throws -> [String] {
        let names = invocation.arguments.list(paymentMethods)
        let wrong = names.first { name in
            // They stand in JSON, in a page and in the provider's calls, and in none of these is anything else of use.
            !(1...64).contains(name.utf8.count)
                || !name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.:".contains($0)) }
        }
        guard wrong == nil, Set(names).count == names.count else {
            throw misuse(
                "--payment-methods takes different names such as card,paypal, not \"\(wrong ?? names.joined(separator: ","))\"",
                invocation
            )
        }
        return names
    }

    private static func tlsCertificate(_ invocation: Invocation) throws -> TLSCertificate? {
        let arguments = invocation.arguments
        switch (arguments.text(certificate), arguments.text(key)) {
        case (nil, nil): return nil
        case (let chain?, let key?):
            do {
                return try TLSCertificate(chain: chain, key: key)
            } catch {
                throw Failure("\(error)")
            }
        case (_?, nil): throw misuse("--tls-certificate needs --tls-key", invocation)
        case (nil, _?): throw misuse("--tls-key needs --tls-certificate", invocation)
        }
    }

    private static func log(_ invocation: Invocation) throws -> AccessLog? {
        let arguments = invocation.arguments
        let text = arguments.text(accessSample) ?? "1"
        guard let sample = Double(text), (0...1).contains(sample) else {
            throw misuse("--access-sample takes a share from 0 to 1, not \"\(text)\"", invocation)
        }
        guard let path = arguments.text(accessLog) else { return nil }
        do {
            return try AccessLog(path: path, sample: sample)
        } catch {
            throw Failure("\(error)")
        }
    }

    private static func misuse(_ message: String, _ invocation: Invocation) -> UsageError {
        UsageError(command: invocation.path, message: message)
    }

    private static func rate(_ perSecond: Int?) -> RequestRate? {
        guard let perSecond, perSecond > 0 else { return nil }
        return RequestRate(perSecond: Double(perSecond), burst: 5 * perSecond)
    }
}
