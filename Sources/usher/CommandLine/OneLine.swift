/// Errors as one line for a terminal.
enum OneLine {
    /// The error's own words, on one line.
    static func describing(_ error: any Error) -> String {
        joined("\(error)")
    }

    static func joined(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
