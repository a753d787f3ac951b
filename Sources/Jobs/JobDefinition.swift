public import Postgres

/// What every kind of plain job says of itself: where it is queued, what it takes, how often it is tried.
///
/// Code conforms to ``Job``, ``TransactionalJob`` or ``BatchJob``.
public protocol JobDefinition: Sendable {
    /// What it is enqueued with.
    associatedtype Input: Codable & Sendable
    /// The name in the table; never change it while jobs of it wait.
    static var name: String { get }
    /// The queue it is claimed from.
    static var queue: String { get }
    /// How often a failure is tried again.
    static var retry: RetryPolicy { get }
    /// The version of ``Input``; raise it when old inputs no longer decode, and write ``upgrade(_:from:)``.
    static var version: Int { get }
    /// Reads an input of this version.
    ///
    /// `Codable` does, at a few microseconds each; where that is more than the work itself, read the document by hand.
    ///
    /// - Parameter json: the input as it was enqueued.
    /// - Returns: the input.
    /// - Throws: anything; the job is then kept as an unreadable dead letter.
    static func decode(_ json: JSONB) throws -> Input
    /// Makes an input of this version from one of an older.
    ///
    /// - Parameters:
    ///   - json: the input as it was enqueued.
    ///   - version: the version it was enqueued with, smaller than ``version``.
    /// - Returns: the input as ``Input`` decodes it.
    /// - Throws: anything; the job is then kept as an unreadable dead letter.
    static func upgrade(_ json: JSONB, from version: Int) throws -> JSONB
    /// What to make of an error that the code threw; nil leaves it to the retry policy.
    func verdict(on error: any Error) -> JobVerdict?
}

extension JobDefinition {
    /// The queue `default`.
    public static var queue: String { "default" }
    /// Ten attempts.
    public static var retry: RetryPolicy { .default }
    /// The first version.
    public static var version: Int { 1 }
    /// Reads JSON, with dates by ISO 8601.
    public static func decode(_ json: JSONB) throws -> Input {
        try JSONCoding.decode(Input.self, from: json, what: "it")
    }
    /// Refuses: a type that raises its version says how.
    public static func upgrade(_ json: JSONB, from version: Int) throws -> JSONB {
        throw JobsError(
            code: .undecodable,
            message: "\(name) has no upgrade from version \(version) of its input to \(Self.version)"
        )
    }
    /// Leaves every error to the retry policy.
    public func verdict(on error: any Error) -> JobVerdict? { nil }
}

extension NewJob {
    /// Describes a job of a type, in the type's queue and with its version of the input.
    ///
    /// ```swift
    /// try await store.enqueue([NewJob(SendMail.self, mail, runAt: .now + .seconds(60))])
    /// ```
    ///
    /// - Throws: `EncodingError` when the input has no JSON.
    public init<Code: JobDefinition>(
        _ code: Code.Type,
        _ input: Code.Input,
        priority: Int16 = 0,
        runAt: PostgresTimestamp? = nil,
        startBy: PostgresTimestamp? = nil,
        key: String? = nil,
        unique: Uniqueness? = nil
    ) throws {
        let input = VersionedInput(version: Code.version, json: try JSONCoding.encode(input))
        self.init(
            name: Code.name,
            queue: Code.queue,
            input: input.stored,
            priority: priority,
            runAt: runAt,
            startBy: startBy,
            key: key,
            unique: unique
        )
    }
}
