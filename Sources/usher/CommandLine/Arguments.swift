/// The values of one call, checked against the options its command declares.
struct Arguments: Sendable {
    private(set) var values: [String: String]
    /// The operands, in their order.
    let operands: [String]
    /// What followed `--`.
    let rest: [String]

    init(values: [String: String], operands: [String] = [], rest: [String] = []) {
        self.values = values
        self.operands = operands
        self.rest = rest
    }

    /// Whether the command line or the environment set it.
    func isGiven(_ option: Option) -> Bool {
        values[option.name] != nil
    }

    /// The value as it was written, or the option's initial one; nil when nothing set it.
    func text(_ option: Option) -> String? {
        values[option.name] ?? option.initial
    }

    /// Whether a flag is set.
    func flag(_ option: Option) -> Bool {
        ["1", "true", "yes"].contains(values[option.name])
    }

    /// A number; nil when nothing set it.
    func number(_ option: Option) -> Int? {
        text(option).flatMap { Int($0) }
    }

    /// A duration; nil when nothing set it.
    func duration(_ option: Option) -> Duration? {
        text(option).flatMap { Duration(text: $0) }
    }

    /// The names of a list; empty when nothing set it.
    func list(_ option: Option) -> [String] {
        text(option)?.split(separator: ",").map(String.init) ?? []
    }

    /// The same values with one more set.
    func setting(_ option: Option, to value: String) -> Self {
        var copy = self
        copy.values[option.name] = value
        return copy
    }
}
