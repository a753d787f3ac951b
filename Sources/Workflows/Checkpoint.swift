internal import Jobs
internal import Postgres

/// What is kept of a step, a wait or a failing effect, under the step's key.
struct Checkpoint: Sendable {
    enum Kind: Int16 {
        case result = 0
        case error = 1
        case wait = 2
        case retry = 3
        /// A child that was started, or a fan-out with what became of it.
        case child = 4
        /// What the code was told of itself, such as its version: it need not ask for it again.
        case marker = 5
        /// A step or wait that was cut short because the run was to end.
        case interrupted = 6
        /// The run has failed for good, and undoes what it did.
        case unwinding = 7

        /// Whether the code that made it asks for it each time it is replayed.
        var isAskedFor: Bool {
            switch self {
            case .result, .error, .wait, .retry, .child: true
            case .marker, .interrupted, .unwinding: false
            }
        }
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

    static func child(_ value: JSONB) -> Checkpoint {
        Checkpoint(kind: .child, value: value)
    }

    static func error(_ message: String) -> Checkpoint {
        var checkpoint = Checkpoint(kind: .error, value: encodeShort(message))
        checkpoint.tentative = true
        return checkpoint
    }

    static func interrupted(_ reason: Interruption) -> Checkpoint {
        Checkpoint(kind: .interrupted, value: encodeShort(reason.rawValue))
    }

    static func unwinding(_ record: UnwindRecord) throws -> Checkpoint {
        Checkpoint(kind: .unwinding, value: try JSONCoding.encode(record))
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
    /// When it began, where the run is traced.
    var since: Int64?
}

/// The checkpoint of a run that undoes what it did: why, and how often it had failed by then.
struct UnwindRecord: Codable {
    var error: String
    var failures: Int
}

/// The checkpoint of an effect that failed and will be tried again.
struct RetryRecord: Codable {
    var failures: Int
    /// Microseconds since 1970, UTC.
    var notBefore: Int64
    var error: String
}
