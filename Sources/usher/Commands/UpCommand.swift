internal import Glibc

/// `usher up`: the whole house on one machine, until ctrl-C.
enum UpCommand {
    static let command = Command(
        "up",
        "Run everything on this machine",
        discussion: """
            Starts a private Postgres under .usher/ unless --database-url names a server, migrates, and runs
            scheduler, workers (one for rehearsals alone), consumers of events and gateway, each as a process of its own
            that is started again when it dies.
            Without --payments-url a stand-in payment server runs as well. Ctrl-C ends everything in order.
            """,
        options: [
            .host, .port, .adminPort, .paymentsURL, .paymentsKey, .paymentsSecret,
            GatewayOptions.paymentMethods,
            .otlpEndpoint, GatewayOptions.pageSeconds,
        ] + PageCacheOptions.all + Option.database,
        endsInOrder: true
    ) { invocation in
        let arguments = invocation.arguments
        var environment = invocation.environment
        // Before a process is started that would only say the same.
        _ = try GatewayOptions.paymentMethods(invocation)
        _ = try PageCacheOptions.caches(arguments)
        let passed = [
            Option.paymentsKey, .paymentsSecret, GatewayOptions.paymentMethods, .otlpEndpoint,
            GatewayOptions.pageSeconds,
        ]
        for option in passed + PageCacheOptions.all {
            if let name = option.environment, let value = arguments.text(option) { environment[name] = value }
        }
        let settings = HouseSettings(
            directory: absolute(arguments.text(.directory) ?? ".usher"),
            databaseURL: arguments.text(.databaseURL),
            pooler: try PoolerSettings(invocation),
            schema: arguments.text(.schema) ?? "usher",
            host: arguments.text(.host) ?? "127.0.0.1",
            port: arguments.number(.port) ?? 0,
            adminPort: arguments.number(.adminPort) ?? 0,
            paymentsURL: arguments.isGiven(.paymentsURL) ? arguments.text(.paymentsURL) : nil,
            logLevel: arguments.text(.logLevel) ?? "info",
            logFormat: arguments.text(.logFormat) ?? "plain",
            environment: environment
        )
        let house = try await House(
            settings,
            line: { who, line in say("[\(who)] \(line)") },
            note: { say("[up] \($0)") }
        )
        do {
            try await house.open(stop: invocation.stop)
            if !invocation.stop.isMade {
                say("[up] buyers, promoters, operators: http://\(house.endpoint)/v1/on-sales")
                say("[up] health and metrics: http://\(house.adminEndpoint)/metrics")
                say("[up] payments: \(house.paymentsURL)")
                await house.keep(until: invocation.stop)
            }
        } catch {
            try? await house.close()
            throw error
        }
        say("[up] stopping")
        try await house.close()
        say("[up] stopped")
    }

    /// One write per line, so that lines of several processes don't mix.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
    }

    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return path }
        guard let current = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(current) }
        return unsafe String(cString: current) + "/" + path
    }
}
