/// The options that mean the same wherever they appear.
extension Option {
    static let help = Option("help", .flag, help: "Show this and end")

    static let databaseURL = Option(
        "database-url",
        .text("URL"),
        environment: "USHER_DATABASE_URL",
        help: "The Postgres server, as in postgresql://user@host:5432/name"
    )
    static let pooled = Option(
        "pooled",
        .flag,
        environment: "USHER_DATABASE_POOLED",
        help: "A pooler stands before the server and gives each transaction another session, as PgBouncer can"
    )
    static let directURL = Option(
        "direct-url",
        .text("URL"),
        environment: "USHER_DATABASE_DIRECT_URL",
        help: "The server itself, past the pooler, to be told of new work; without it --pooled only polls"
    )
    static let directory = Option(
        "directory",
        .text("PATH"),
        environment: "USHER_DIRECTORY",
        initial: ".usher",
        help:
            "Where usher up keeps its Postgres; without --database-url the one that runs there is used, else PG*"
    )
    static let schema = Option(
        "schema",
        .text("NAME"),
        environment: "USHER_SCHEMA",
        initial: "usher",
        help: "The schema that holds the tables; several can share a database"
    )
    static let logLevel = Option(
        "log-level",
        .choice(["trace", "debug", "info", "warning", "error"]),
        environment: "USHER_LOG_LEVEL",
        initial: "info",
        help: "The least important records to log"
    )
    static let logFormat = Option(
        "log-format",
        .choice(["plain", "json"]),
        environment: "USHER_LOG_FORMAT",
        initial: "plain",
        help: "How a record is laid out on its line"
    )
    static let host = Option(
        "host",
        .text("ADDRESS"),
        environment: "USHER_HOST",
        initial: "127.0.0.1",
        help: "The IPv4 address to listen on"
    )
    static let port = Option(
        "port",
        .number(0...65535),
        environment: "USHER_PORT",
        initial: "8080",
        help: "The port to serve; 0 takes a free one"
    )
    static let adminPort = Option(
        "admin-port",
        .number(0...65535),
        environment: "USHER_ADMIN_PORT",
        initial: "8081",
        help: "The port for /healthz, /readyz and /metrics; 0 takes a free one"
    )
    static let paymentsURL = Option(
        "payments-url",
        .text("URL"),
        environment: "USHER_PAYMENTS_URL",
        initial: "http://127.0.0.1:8090",
        help: "The payment provider"
    )
    static let paymentsKey = Option(
        "payments-key",
        .text("SECRET"),
        environment: "USHER_PAYMENTS_KEY",
        help: "What we prove ourselves to the payment provider with; better set in the environment"
    )
    static let paymentsSecret = Option(
        "payments-secret",
        .text("SECRET"),
        environment: "USHER_PAYMENTS_SECRET",
        help: "What the payment provider signs its callbacks with; better set in the environment"
    )
    static let otlpEndpoint = Option(
        "otlp-endpoint",
        .text("URL"),
        environment: "OTEL_EXPORTER_OTLP_ENDPOINT",
        help:
            "The OpenTelemetry collector that spans are sent to, as in http://127.0.0.1:4318; without it none are made"
    )
    static let json = Option("json", .flag, help: "Print a last line of JSON")

    /// What every command takes.
    static let logging: [Option] = [.logLevel, .logFormat, .help]
    /// What every command takes that uses the database.
    static let database: [Option] = [.databaseURL, .pooled, .directURL, .directory, .schema] + logging
}
