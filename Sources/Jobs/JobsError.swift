/// What the job engine refuses, and why.
public struct JobsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of refusal; more may come.
    public struct Code: Sendable, Hashable {
        private enum Value {
            case unknownQueue, unknownJob, invalidJob, invalidQueue, contention, pressure, invalidSchedule,
                invalidKey, unknownBatch
            case undecodable,
                leaseLost,
                schema, invalidLimit, keyTaken, badTransition
        }
        private let value: Value

        /// Nobody has registered a queue of that name.
        public static let unknownQueue = Self(value: .unknownQueue)
        /// No job has that id, or no code is registered under that name.
        public static let unknownJob = Self(value: .unknownJob)
        /// The job can't be enqueued as it is described.
        public static let invalidJob = Self(value: .invalidJob)
        /// A queue can't be as it is described.
        public static let invalidQueue = Self(value: .invalidQueue)
        /// Others were quicker, too often in a row; try again later.
        public static let contention = Self(value: .contention)
        /// So much waits already that no more is taken; try again later.
        public static let pressure = Self(value: .pressure)
        /// A schedule can't be as it is described.
        public static let invalidSchedule = Self(value: .invalidSchedule)
        /// A key can't be used.
        public static let invalidKey = Self(value: .invalidKey)
        /// Another job has the unique key that is asked for.
        public static let keyTaken = Self(value: .keyTaken)
        /// There is no batch of that number, or it takes no more jobs.
        public static let unknownBatch = Self(value: .unknownBatch)
        /// A stored input or result does not decode as the type the code expects.
        public static let undecodable = Self(value: .undecodable)
        /// Another process leads now.
        public static let leaseLost = Self(value: .leaseLost)
        /// A limit lies outside of what is accepted.
        public static let invalidLimit = Self(value: .invalidLimit)
        /// A function of SQL that ends runs isn't there, or answers in another way than it must.
        public static let badTransition = Self(value: .badTransition)
        /// The schema and this binary do not fit.
        public static let schema = Self(value: .schema)
    }

    /// The kind of refusal.
    public let code: Code
    /// One line: what, where, and what would be accepted.
    public let message: String

    /// Makes an error.
    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    static func unknownQueues(_ names: some Sequence<String>) -> Self {
        Self(
            code: .unknownQueue,
            message: """
                a queue among [\(names.sorted().joined(separator: ", "))] does not exist; start a worker for it or \
                call ensureQueue first
                """
        )
    }

    /// The message.
    public var description: String { message }
}
