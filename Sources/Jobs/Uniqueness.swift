internal import COpenSSL
internal import Foundation
internal import Postgres

/// When two jobs are the same, for how long, and what a second one does.
///
/// ```swift
/// NewJob(name: "report", input: input, unique: Uniqueness(by: [.name, .input], while: .unfinished))
/// ```
/// The second finds the first, or changes it; it is never made.
public struct Uniqueness: Sendable, Hashable {
    /// What has to be equal.
    public struct Parts: OptionSet, Sendable, Hashable {
        /// The set as bits.
        public let rawValue: UInt8

        /// Makes a set from its bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The job's name.
        public static let name = Self(rawValue: 1)
        /// The job's queue.
        public static let queue = Self(rawValue: 2)
        /// The job's input, whatever the order of its fields.
        public static let input = Self(rawValue: 4)
        /// ``NewJob/key``, which must be set.
        public static let key = Self(rawValue: 8)
    }

    /// How long a job keeps others like it out.
    public enum Span: String, Sendable, Hashable {
        /// Until a worker claims it for the first time.
        case queued
        /// Until it is done, failed, cancelled or expired.
        case unfinished
        /// Until its row is dropped by retention.
        case kept
    }

    /// What the second job does to the first.
    public enum Conflict: Sendable, Hashable {
        /// Nothing.
        case keep
        /// Gives it its own input, run time and deadline, if nobody has started it.
        case replace
    }

    /// What has to be equal.
    public var parts: Parts
    /// How long a job keeps others like it out.
    public var span: Span
    /// A limit to that from the enqueue on.
    public var window: Duration?
    /// What the second job does to the first.
    public var conflict: Conflict

    /// Describes a uniqueness.
    ///
    /// The key is given back in the commit that starts or ends the job, so there is no moment at which neither the
    /// old job nor a new one has it.
    ///
    /// - Parameters:
    ///   - parts: what has to be equal.
    ///   - span: how long a job keeps others like it out.
    ///   - window: a limit to that from the enqueue on.
    ///   - conflict: what the second job does to the first.
    public init(
        by parts: Parts,
        while span: Span = .unfinished,
        within window: Duration? = nil,
        onConflict conflict: Conflict = .keep
    ) {
        self.parts = parts
        self.span = span
        self.window = window
        self.conflict = conflict
    }
}

/// What a job is known by in `job_keys`.
package struct JobKey: Sendable, Hashable {
    package let text: String
    package let uniqueness: Uniqueness

    /// The key of a job; nil when it may be made any number of times.
    package init?(of job: NewJob) throws {
        guard let uniqueness = job.unique ?? job.key.map({ _ in Uniqueness(by: .key, while: .kept) }) else {
            return nil
        }
        let parts = uniqueness.parts
        guard !parts.isEmpty, !parts.contains(.key) || job.key != nil else {
            let missing = parts.isEmpty ? "nothing: give it parts to compare" : "a key, and has none"
            throw JobsError(code: .invalidJob, message: "job \(job.name) is to be unique by \(missing)")
        }
        self.uniqueness = uniqueness
        if parts == .key {
            text = job.key ?? ""
            return
        }
        var pieces: [String] = []
        if parts.contains(.name) { pieces.append("n:" + job.name) }
        if parts.contains(.queue) { pieces.append("q:" + job.queue) }
        if parts.contains(.key) { pieces.append("k:" + (job.key ?? "")) }
        if parts.contains(.input) { pieces.append("i:" + (try Self.digest(of: job))) }
        text = pieces.joined(separator: "\u{1F}")
    }

    /// A fingerprint of the input that does not depend on the order of fields.
    private static func digest(of job: NewJob) throws -> String {
        let sorted: Data
        do {
            let value = try JSONSerialization.jsonObject(
                with: Data(job.input.bytes),
                options: .fragmentsAllowed
            )
            sorted = try JSONSerialization.data(
                withJSONObject: value,
                options: [.sortedKeys, .fragmentsAllowed, .withoutEscapingSlashes]
            )
        } catch {
            throw JobsError(code: .invalidJob, message: "the input of job \(job.name) is not JSON")
        }
        let hash = unsafe [UInt8](unsafeUninitializedCapacity: 32) { output, count in
            let bytes = [UInt8](sorted)
            unsafe bytes.withUnsafeBufferPointer { bytes in
                _ = unsafe SHA256(bytes.baseAddress, bytes.count, output.baseAddress)
            }
            count = 32
        }
        return Data(hash).base64EncodedString()
    }
}
