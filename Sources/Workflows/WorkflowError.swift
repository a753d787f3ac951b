/// Unwinds the code of a run that must wait.
///
/// Let it pass; swallowing it changes nothing, the context is sealed.
public struct WorkflowSuspended: Error, Sendable {}

/// What went wrong in a run's code or in its steps.
public struct WorkflowError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of error; more may come.
    public struct Code: Sendable, Hashable {
        private enum Value { case stepFailed, childFailed, undeclaredWait, misuse, timedOut, ended }
        private let value: Value

        /// A step or effect failed for good, now or when it was recorded.
        public static let stepFailed = Self(value: .stepFailed)
        /// A child run ended without a result.
        public static let childFailed = Self(value: .childFailed)
        /// The run awaits something other than its context.
        public static let undeclaredWait = Self(value: .undeclaredWait)
        /// The context was used in a way it does not allow.
        public static let misuse = Self(value: .misuse)
        /// A step, an effect or an answer took longer than it was given.
        public static let timedOut = Self(value: .timedOut)
        /// The run is over, or there is none.
        public static let ended = Self(value: .ended)
    }

    /// The kind of error.
    public let code: Code
    /// One line.
    public let message: String

    /// Makes an error.
    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}

/// Carries a run's next input out of its code.
struct ContinueAsNew: Error {
    let input: any Sendable & Encodable
    let delay: Duration
}
