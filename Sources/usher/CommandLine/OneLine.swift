/// Errors as one line for a terminal.
enum OneLine {
    /// The error's own words, on one line.
    static func describing(_ error: any Error) -> String {
        joined("\(error)")
    }

    static func joined(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    /// The text on one line of at most `limit` characters.
    static func shortened(_ text: String, to limit: Int = 80) -> String {
        let line = joined(text)
        return line.count <= limit ? line : line.prefix(limit - 1) + "…"
    }
}
