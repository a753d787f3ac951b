import Foundation

/// A page of the documentation that can be followed word for word: files to write, and commands to type.
struct Guide {
    enum Part: Equatable {
        /// A block of code under a line that ends in a path.
        case file(path: String, text: String)
        /// A line of a console block that begins with a dollar, and the lines below it.
        case command(String, output: [String])
    }

    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    let parts: [Part]

    init(_ markdown: String) throws {
        var parts: [Part] = []
        var path: String?
        var lines = markdown.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        while let line = lines.popFirst() {
            if line.hasPrefix("```") {
                let block = Array(lines.prefix { $0 != "```" })
                lines = lines.dropFirst(block.count + 1)
                if line == "```console" {
                    try Self.read(block, into: &parts)
                } else if let path {
                    parts.append(.file(path: path, text: block.map { $0 + "\n" }.joined()))
                } else {
                    throw Unreadable(description: "no path stands above this block: \(block.first ?? "")")
                }
                path = nil
            } else if line.hasPrefix("`"), line.hasSuffix("`:") {
                path = String(line.dropFirst().dropLast(2))
            } else if !line.isEmpty {
                path = nil
            }
        }
        self.parts = parts
    }

    private static func read(_ block: [String], into parts: inout [Part]) throws {
        for line in block {
            if line.hasPrefix("$ ") {
                parts.append(.command(String(line.dropFirst(2)), output: []))
            } else if case .command(let command, let output) = parts.last {
                parts[parts.count - 1] = .command(command, output: output + [line])
            } else {
                throw Unreadable(description: "no command stands above: \(line)")
            }
        }
    }

    // MARK: Following it

    /// A line that no command writes; what a command has written ends at it.
    static let mark = "--- guide"

    /// All of it as one script, so that the shell's variables and its jobs are those of somebody who types.
    var script: String {
        // Whatever goes wrong, nothing goes on in the background.
        var script = "set -u\ntrap 'kill -9 $(jobs -p) 2>/dev/null' EXIT\n"
        for (number, part) in parts.enumerated() {
            switch part {
            case .file(let path, let text):
                script += """
                    mkdir -p "$(dirname '\(path)')"
                    cat > '\(path)' <<'END OF FILE'
                    \(text)END OF FILE

                    """
            case .command(let command, _):
                script += "\(command)\nstatus=$?\n"
            }
            script += "echo; echo \"\(Self.mark) \(number) ${status:-0}\"\nstatus=0\n"
        }
        return script
    }

    /// Compares what the script wrote with what the page shows.
    ///
    /// - Returns: what is not as it is shown, a line each.
    func differences(from output: String) -> [String] {
        var written: [String] = []
        var answers: [(status: String, lines: [String])] = []
        for line in output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line.hasPrefix(Self.mark + " ") {
                // The empty line before the mark is the script's, unless it ended what was written.
                while written.last == "" { written.removeLast() }
                answers.append((String(line.split(separator: " ").last ?? ""), written))
                written = []
            } else {
                written.append(line)
            }
        }
        return parts.enumerated().compactMap { number, part in
            guard case .command(let command, let shown) = part else { return nil }
            guard number < answers.count else { return "$ \(command): was never come to" }
            let (status, lines) = answers[number]
            if status != "0" {
                return "$ \(command): ended with \(status): \(lines.joined(separator: "\n"))"
            }
            return Self.matches(lines[...], shown[...])
                ? nil
                : "$ \(command): wrote\n\(lines.joined(separator: "\n"))\ninstead of\n\(shown.joined(separator: "\n"))"
        }
    }

    /// Whether lines are those that are shown, where a line `…` stands for any number of them.
    static func matches(_ lines: ArraySlice<String>, _ shown: ArraySlice<String>) -> Bool {
        guard let first = shown.first else { return lines.isEmpty }
        if first == "…" {
            return (0...lines.count).contains { matches(lines.dropFirst($0), shown.dropFirst()) }
        }
        guard let line = lines.first, matches(line, first) else { return false }
        return matches(lines.dropFirst(), shown.dropFirst())
    }

    /// Whether a line is what is shown, where `…` in it stands for anything.
    private static func matches(_ line: String, _ shown: String) -> Bool {
        let pieces = shown.components(separatedBy: "…")
        guard pieces.count > 1 else { return line == shown }
        var rest = line[...]
        for (index, piece) in pieces.enumerated() {
            let piece = piece.trimmingCharacters(in: .whitespaces)
            if piece.isEmpty { continue }
            if index == 0 {
                guard rest.hasPrefix(piece) else { return false }
                rest = rest.dropFirst(piece.count)
            } else if index == pieces.count - 1 {
                return rest.hasSuffix(piece)
            } else {
                guard let range = rest.range(of: piece) else { return false }
                rest = rest[range.upperBound...]
            }
        }
        return true
    }
}
