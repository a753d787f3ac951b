/// A payment provider could not be asked, or its answer makes no sense.
package struct PaymentError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it was; more may be added.
    package struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String { case unreachable, failing, refused, malformed }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// No answer came, or not in time.
        ///
        /// What the provider did is not known.
        package static let unreachable = Code(.unreachable)
        /// The provider answered that it has a problem itself.
        ///
        /// What it did is not known.
        package static let failing = Code(.failing)
        /// The provider understood, and will not do it.
        package static let refused = Code(.refused)
        /// The answer is not one that a provider gives.
        package static let malformed = Code(.malformed)

        /// The name of the code.
        package var description: String { kind.rawValue }
    }

    /// What kind of failure it was.
    package var code: Code
    /// What happened, in words.
    package var message: String

    /// Makes an error.
    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message in one line.
    package var description: String { "payment provider \(code): \(message)" }
}
