/// Bytes that are not what the server's plugin `pgoutput` sends.
package struct PgOutputFault: Error, Hashable, CustomStringConvertible {
    /// The message's first byte; nil when there is none.
    package let kind: UInt8?
    /// Which byte of the message can't be, from 0.
    package let offset: Int
    /// What is wrong there.
    package let reason: String

    /// One line that names the message, the place and what is wrong.
    package var description: String {
        let name = kind.map { (0x21...0x7E).contains($0) ? "'\(Unicode.Scalar($0))'" : "\($0)" } ?? "nothing"
        return "the message \(name) of pgoutput can't be read at byte \(offset): \(reason)"
    }
}
