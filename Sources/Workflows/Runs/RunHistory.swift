public import Jobs
public import Postgres

/// Everything that is known of a run: what it was given, what it recorded, what it was told and what it shows.
///
/// It is a document, too, that can be kept in a file and replayed later; see ``document`` and ``HistoryReplay``.
public struct RunHistory: Sendable {
    /// Something that the run recorded, under the key of the step or wait.
    public struct Step: Sendable, Hashable {
        /// What was recorded.
        public enum Kind: String, Sendable, Codable {
            /// What a step, an effect or a start of another run returned.
            case result
            /// What a step or an effect threw.
            case error
            /// Something it waits for, or waited for.
            case wait
            /// An effect failed and will be tried again.
            case retry
            /// Another run that it started and is told of.
            case child
            /// What the code was told of itself, such as its side of a change.
            case marker
            /// It was cut short because the run was to end.
            case interrupted
            /// The run has failed, and undoes what it did.
            case unwinding
        }

        /// The name of the step; the n-th use of a name is `name#n`.
        public let key: String
        /// What was recorded.
        public let kind: Kind
        /// What the step returned or threw, as it is stored.
        public let value: JSONB
        /// The claim under which it was recorded.
        public let epoch: Int32
        /// When it was recorded; of a wait, when it was over.
        public let recordedAt: PostgresTimestamp
    }

    /// Something that the run was told or shows.
    public struct Fact: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// What was told or shown.
        public let value: JSONB
        /// When, the last time.
        public let recordedAt: PostgresTimestamp
    }

    /// The run.
    public let run: RunSummary
    /// What it was given, as it is stored.
    public let input: JSONB
    /// What it returned, as it is stored.
    public let output: JSONB?
    /// What it recorded since it last continued as new, in that order.
    public let steps: [Step]
    /// The events that it was sent, in the order of their coming.
    public let events: [Fact]
    /// What it shows, by name.
    public let values: [Fact]
    /// What it is found by, by name.
    public let attributes: [RunAttribute]
    /// Its first thousand children.
    public let children: [RunSummary]
}

extension RunHistory.Step.Kind {
    /// As the table has them.
    private static let numbers: [Int16: Self] = [
        0: .result, 1: .error, 2: .wait, 3: .retry, 4: .child, 5: .marker, 6: .interrupted, 7: .unwinding,
    ]

    init(number: Int16, of key: String) throws {
        guard let kind = Self.numbers[number] else {
            throw JobsError(
                code: .schema,
                message: "checkpoint \(key) is of kind \(number), which this program does not know"
            )
        }
        self = kind
    }

    var number: Int16? { Self.numbers.first { $0.value == self }?.key }
}
