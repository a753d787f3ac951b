/// The number of a job, and of the run when the job is a workflow.
///
/// It grows with time.
public struct JobID: RawRepresentable, Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
    /// The number in the table `jobs`.
    public let rawValue: Int64

    /// Makes an id from a number.
    public init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    /// Reads an id from a bare JSON number.
    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Writes the id as a bare JSON number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    /// The number in decimal.
    public var description: String { String(rawValue) }

    /// Jobs enqueued earlier come first.
    public static func < (left: Self, right: Self) -> Bool {
        left.rawValue < right.rawValue
    }
}
