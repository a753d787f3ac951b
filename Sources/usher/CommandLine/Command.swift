/// One thing `usher` does, or a group of them.
struct Command: Sendable {
    /// A word that follows the command and is not an option.
    struct Operand: Sendable {
        let name: String
        let help: String
        /// Whether it may be left out; only the last may.
        var isOptional = false
    }

    let name: String
    /// What it does, in one line without a full stop.
    let summary: String
    /// More lines for its help.
    let discussion: String
    let options: [Option]
    let operands: [Operand]
    /// Whether everything after `--` is handed on as it is.
    let takesRest: Bool
    /// Whether the help leaves it out: a part of the machinery.
    let isInternal: Bool
    /// Whether it watches for the request to end, rather than being cut off by it.
    let endsInOrder: Bool
    let subcommands: [Command]
    /// What it does; a group has nothing to do itself.
    let run: (@Sendable (Invocation) async throws -> Void)?

    init(
        _ name: String,
        _ summary: String,
        discussion: String = "",
        options: [Option],
        operands: [Operand] = [],
        takesRest: Bool = false,
        isInternal: Bool = false,
        endsInOrder: Bool = false,
        run: @escaping @Sendable (Invocation) async throws -> Void
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.options = options
        self.operands = operands
        self.takesRest = takesRest
        self.isInternal = isInternal
        self.endsInOrder = endsInOrder
        self.subcommands = []
        self.run = run
    }

    /// A group of commands.
    init(_ name: String, _ summary: String, discussion: String = "", subcommands: [Command]) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.options = [.help]
        self.operands = []
        self.takesRest = false
        self.isInternal = false
        self.endsInOrder = false
        self.subcommands = subcommands
        self.run = nil
    }
}
