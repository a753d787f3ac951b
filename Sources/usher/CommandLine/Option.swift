/// One option of the command line, as it is parsed and as it is explained: the help is made from this.
struct Option: Sendable {
    /// What an option takes.
    enum Kind: Sendable {
        /// Nothing: it is there or not. In the environment `1`, `true` or `yes` set it.
        case flag
        /// Any text; the word stands for it in the help.
        case text(String)
        /// A whole number of a range.
        case number(ClosedRange<Int>)
        /// One of a few words.
        case choice([String])
        /// A number with a unit: `250ms`, `30s`, `5m`, `1h`.
        case duration
        /// Names separated by commas.
        case list(String)
    }

    /// The name, without its dashes.
    let name: String
    /// The variable that sets it when the command line doesn't.
    let environment: String?
    let kind: Kind
    /// The value when nothing sets it, as it would be written.
    let initial: String?
    /// What it does, in one sentence without a full stop.
    let help: String

    init(_ name: String, _ kind: Kind, environment: String? = nil, initial: String? = nil, help: String) {
        self.name = name
        self.kind = kind
        self.environment = environment
        self.initial = initial
        self.help = help
    }

    /// The option with its value's placeholder, as in `--port NUMBER`.
    var usage: String {
        switch kind {
        case .flag: "--\(name)"
        case .text(let word), .list(let word): "--\(name) \(word)"
        case .number: "--\(name) NUMBER"
        case .choice(let words): "--\(name) \(words.joined(separator: "|"))"
        case .duration: "--\(name) DURATION"
        }
    }

    /// What the option takes, as a phrase, when `value` is not that; nil when it is.
    func refusal(of value: String) -> String? {
        switch kind {
        case .flag:
            ["1", "true", "yes", "0", "false", "no", ""].contains(value) ? nil : "is true or false"
        case .text:
            value.isEmpty ? "may not be empty" : nil
        case .number(let range):
            Int(value).map(range.contains) == true
                ? nil : "takes a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words):
            words.contains(value) ? nil : "is one of \(words.joined(separator: ", "))"
        case .duration:
            Duration(text: value) == nil ? "takes a number with a unit, such as 250ms, 30s, 5m or 1h" : nil
        case .list:
            value.split(separator: ",", omittingEmptySubsequences: false).contains("")
                ? "takes names separated by commas" : nil
        }
    }
}

extension Duration {
    /// Reads `250ms`, `30s`, `5m` or `1h`.
    init?(text: String) {
        let units: [(suffix: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
        ]
        for unit in units where text.hasSuffix(unit.suffix) {
            guard let count = Int64(text.dropLast(unit.suffix.count)), (0...1_000_000_000).contains(count)
            else {
                return nil
            }
            self = .milliseconds(count * unit.milliseconds)
            return
        }
        return nil
    }
}
