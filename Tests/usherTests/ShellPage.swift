import Foundation

/// A page of the documentation whose blocks of shell are run one after the other, as somebody would paste them.
struct ShellPage {
    /// A ```` ```sh ```` block, and what the ```` ```text ```` block that follows it says it prints.
    struct Block: Equatable {
        var code: [String]
        var shown: [String] = []
    }

    /// A line that no block prints; what a block has printed ends at it.
    private static let mark = "--- page"

    private(set) var blocks: [Block] = []

    init(_ markdown: String) {
        var lines = markdown.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)[...]
        while let line = lines.popFirst() {
            guard line.hasPrefix("```") else { continue }
            let block = Array(lines.prefix { $0 != "```" })
            lines = lines.dropFirst(block.count + 1)
            switch line {
            case "```sh": blocks.append(Block(code: block))
            case "```text" where !blocks.isEmpty: blocks[blocks.count - 1].shown = block
            default: continue
            }
        }
    }

    /// All blocks as one script, which ends where one of them fails.
    var script: String {
        let parts = blocks.enumerated().map { number, block in
            "\(block.code.joined(separator: "\n"))\necho; echo '\(Self.mark) \(number)'\n"
        }
        return "set -euo pipefail\n" + parts.joined()
    }

    /// Compares what the script printed with what the page shows, where `…` stands for anything.
    ///
    /// - Returns: what is not as it is shown, a paragraph each.
    func differences(from output: String) -> [String] {
        var printed: [[String]] = []
        var lines: [String] = []
        for line in output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if line == "\(Self.mark) \(printed.count)" {
                while lines.last == "" { lines.removeLast() }
                printed.append(lines)
                lines = []
            } else {
                lines.append(line)
            }
        }
        return blocks.enumerated().compactMap { number, block in
            let head = "\(block.code.prefix(3).joined(separator: "\n"))\n"
            guard number < printed.count else {
                return number > printed.count
                    ? nil : head + "did not come to its end; it printed\n\(lines.joined(separator: "\n"))"
            }
            return Guide.matches(printed[number][...], block.shown[...])
                ? nil
                : head + "printed\n\(printed[number].joined(separator: "\n"))\ninstead of\n"
                    + block.shown.joined(separator: "\n")
        }
    }
}
