public import Jobs

/// How a child ended that has no output.
public struct ChildFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why a child has no output.
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// Its last attempt failed.
        case failed
        /// Its code said that trying again is useless.
        case discarded
        /// It took longer than it may.
        case timedOut = "timed_out"
        /// Its workers died, again and again.
        case crashed
        /// No worker could read its input.
        case unreadable
        /// No worker knew its name for long.
        case unknown
        /// Somebody cancelled it.
        case cancelled
    }

    /// The child's number.
    public let run: JobID
    /// Why it has no output.
    public let kind: Kind
    /// Its last error, or the reason of the cancellation, in one line.
    public let message: String

    /// Makes a failure, for tests.
    public init(run: JobID, kind: Kind, message: String) {
        self.run = run
        self.kind = kind
        self.message = message
    }

    /// The failure in one line, with the child's number.
    public var description: String { "child \(run) ended without a result (\(kind.rawValue)): \(message)" }
}

/// What a parent is told of a child's end, as ``ChildEnd`` writes it.
struct ChildEnding<Output: Decodable & Sendable>: Decodable, Sendable {
    private let output: Output?
    private let failure: (run: JobID?, kind: ChildFailure.Kind, message: String)?

    private enum Keys: String, CodingKey { case output, error, kind, run }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Keys.self)
        if let message = try values.decodeIfPresent(String.self, forKey: .error) {
            let kind = try values.decodeIfPresent(String.self, forKey: .kind)
            failure = (
                try values.decodeIfPresent(JobID.self, forKey: .run),
                kind.flatMap(ChildFailure.Kind.init(rawValue:)) ?? .failed, message
            )
            output = nil
        } else {
            failure = nil
            // Null is an output, too, where the type has it.
            output = .some(try values.decode(Output.self, forKey: .output))
        }
    }

    /// The end as code gets it; the number is for those that don't say it themselves.
    func result(of child: JobID? = nil) -> Result<Output, ChildFailure> {
        if let output { return .success(output) }
        return .failure(
            ChildFailure(
                run: failure?.run ?? child ?? JobID(rawValue: 0),
                kind: failure?.kind ?? .failed,
                message: failure?.message ?? "no reason given"
            )
        )
    }
}

/// The checkpoint of a fan-out: how many children it has, and how they ended once all have.
struct FanOut<Output: Decodable & Sendable>: Decodable, Sendable {
    let started: Int
    let results: [ChildEnding<Output>]?
}
