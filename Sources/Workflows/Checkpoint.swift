internal import Jobs
internal import Postgres

/// What is kept of a step, a wait or a failing effect, under the step's key.
struct Checkpoint: Sendable {
    enum Kind: Int16 {
        case result = 0
        case error = 1
        case wait = 2
        case retry = 3
    }

    let kind: Kind
    let value: JSONB
    /// An error of this transaction: kept only if the run's code went on after it.
    var tentative = false
    /// Not before this instant is a failed effect tried again.
    private(set) var retryTime: PostgresTimestamp?

    init(kind: Kind, value: JSONB) {
        self.kind = kind
        self.value = value
    }

    static func result(_ value: JSONB) -> Checkpoint {
        Checkpoint(kind: .result, value: value)
    }

    static func error(_ message: String) -> Checkpoint {
        var checkpoint = Checkpoint(kind: .error, value: encodeShort(message))
        checkpoint.tentative = true
        return checkpoint
    }

    static func wait(_ record: WaitRecord) throws -> Checkpoint {
        Checkpoint(kind: .wait, value: try JSONCoding.encode(record))
    }

    static func retry(failures: Int, notBefore: PostgresTimestamp, error: String) -> Checkpoint {
        let record = RetryRecord(
            failures: failures,
            notBefore: notBefore.microseconds,
            error: String(error.prefix(2000))
        )
        // Three plain fields always encode.
        let json = (try? JSONCoding.encode(record)) ?? JSONB(text: "{}")
        var checkpoint = Checkpoint(kind: .retry, value: json)
        checkpoint.retryTime = notBefore
        return checkpoint
    }

    private static func encodeShort(_ message: String) -> JSONB {
        // A string always encodes.
        (try? JSONCoding.encode(String(message.prefix(2000)))) ?? JSONB(text: "\"\"")
    }
}

/// The checkpoint of a wait: when each of its timers is due, and which wait came first once that is decided.
struct WaitRecord: Codable {
    /// Microseconds since 1970, UTC; null for events.
    var deadlines: [Int64?]
    var won: Int?
}

/// The checkpoint of an effect that failed and will be tried again.
struct RetryRecord: Codable {
    var failures: Int
    /// Microseconds since 1970, UTC.
    var notBefore: Int64
    var error: String
}
