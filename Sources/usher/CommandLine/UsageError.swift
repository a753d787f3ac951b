/// A call that can't be understood: the program says so in one line and exits with 2.
struct UsageError: Error, Equatable, CustomStringConvertible {
    /// Who was called, as in `usher worker`.
    let command: String
    let message: String

    var description: String { "\(command): \(message)" }
}
