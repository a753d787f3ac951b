/// Turns words and environment into a command and its checked arguments.
struct CommandParser {
    /// What a call asks for.
    enum Outcome {
        case run(Command, Arguments, path: String)
        case help(String)
    }

    let root: Command
    let environment: [String: String]

    /// Reads the words after the program's name.
    func parse(_ words: [String]) throws(UsageError) -> Outcome {
        var command = root
        var path = root.name
        var words = words[...]
        while !command.subcommands.isEmpty {
            guard let word = words.popFirst() else {
                throw UsageError(command: path, message: "say what to do: \(names(of: command))")
            }
            if word == "--help" || word == "-h" || (word == "help" && words.isEmpty) {
                return .help(HelpText(command: command, path: path).text)
            }
            guard let next = command.subcommands.first(where: { $0.name == word }) else {
                let kind = word.hasPrefix("-") ? "option" : "command"
                let message = "unknown \(kind) \(word); the commands are \(names(of: command))"
                throw UsageError(command: path, message: message)
            }
            command = next
            path += " \(word)"
        }
        return try parse(words, for: command, path: path)
    }

    private func names(of command: Command) -> String {
        command.subcommands.filter { !$0.isInternal }.map(\.name).joined(separator: ", ")
    }

    private func parse(
        _ given: ArraySlice<String>,
        for command: Command,
        path: String
    ) throws(UsageError) -> Outcome {
        var words = given
        var values: [String: String] = [:]
        var operands: [String] = []
        var rest: [String] = []
        while let word = words.popFirst() {
            if word == "--" && command.takesRest {
                rest = Array(words)
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                operands.append(word)
                continue
            }
            if word == "--help" || word == "-h" { return .help(HelpText(command: command, path: path).text) }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let option = command.options.first(where: { "--\($0.name)" == parts[0] }) else {
                let accepted = command.options.map { "--\($0.name)" }.joined(separator: ", ")
                throw UsageError(command: path, message: "unknown option \(parts[0]); it takes \(accepted)")
            }
            let value: String
            if case .flag = option.kind {
                guard parts.count == 1 else {
                    throw UsageError(command: path, message: "--\(option.name) takes no value")
                }
                value = "true"
            } else if parts.count == 2 {
                value = String(parts[1])
            } else {
                guard let next = words.popFirst() else {
                    throw UsageError(command: path, message: "\(option.usage) is missing its value")
                }
                value = next
            }
            if let refusal = option.refusal(of: value) {
                throw UsageError(command: path, message: "--\(option.name) \(refusal), not \"\(value)\"")
            }
            values[option.name] = value
        }
        try addEnvironment(to: &values, for: command, path: path)
        let needed = command.operands.count { !$0.isOptional }
        guard (needed...command.operands.count).contains(operands.count) else {
            let wanted = command.operands.map(\.name).joined(separator: " ")
            let message =
                operands.count > command.operands.count
                ? "unexpected \"\(operands[command.operands.count])\"; see \(path) --help"
                : "\(wanted) is missing"
            throw UsageError(command: path, message: message)
        }
        return .run(command, Arguments(values: values, operands: operands, rest: rest), path: path)
    }

    private func addEnvironment(
        to values: inout [String: String],
        for command: Command,
        path: String
    ) throws(UsageError) {
        for option in command.options where values[option.name] == nil {
            guard let name = option.environment, let value = environment[name], !value.isEmpty else {
                continue
            }
            if let refusal = option.refusal(of: value) {
                throw UsageError(command: path, message: "\(name) \(refusal), not \"\(value)\"")
            }
            values[option.name] = value
        }
    }
}
