/// Why records can't be written, and will not be by trying again.
package struct KafkaProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line that says what was refused, and why.
    package let description: String
}
