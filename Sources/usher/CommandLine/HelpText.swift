/// The help of a command, made from what it declares.
struct HelpText {
    let command: Command
    /// The words that call it, as in `usher keys add`.
    let path: String

    var text: String {
        var text = "\(command.summary).\n\nUsage: \(usage)\n"
        if !command.discussion.isEmpty { text += "\n\(command.discussion)\n" }
        let commands = command.subcommands.filter { !$0.isInternal }
        text += section("Commands", commands.map { ($0.name, $0.summary) })
        text += section("Operands", command.operands.map { ($0.name, $0.help) })
        text += section("Options", command.options.map { ($0.usage, explanation(of: $0)) })
        if !commands.isEmpty { text += "\n\(path) COMMAND --help explains each.\n" }
        return text
    }

    private var usage: String {
        var words = [path]
        if !command.subcommands.isEmpty { words.append("COMMAND") }
        if command.options.count > 1 { words.append("[OPTION]...") }
        words += command.operands.map { $0.isOptional ? "[\($0.name)]" : $0.name }
        if command.takesRest { words.append("-- PROGRAM [ARGUMENT]...") }
        return words.joined(separator: " ")
    }

    private func explanation(of option: Option) -> String {
        var notes: [String] = []
        if let initial = option.initial { notes.append("else \(initial)") }
        if let environment = option.environment { notes.append("or \(environment)") }
        return notes.isEmpty ? option.help : "\(option.help) (\(notes.joined(separator: "; ")))"
    }

    private func section(_ title: String, _ rows: [(left: String, right: String)]) -> String {
        guard let widest = rows.map(\.left.count).filter({ $0 <= 32 }).max() ?? rows.first.map({ _ in 32 })
        else {
            return ""
        }
        var text = "\n\(title):\n"
        for row in rows {
            let padding = widest - row.left.count
            text += "  \(row.left)"
            text +=
                padding < 0
                ? "\n" + String(repeating: " ", count: widest + 4)
                : String(repeating: " ", count: padding + 2)
            text += "\(row.right)\n"
        }
        return text
    }
}
