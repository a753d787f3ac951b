import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct CommandParserTests {
    static let count = Option("count", .number(1...9), environment: "COUNT", initial: "3", help: "How many")
    static let color = Option("color", .choice(["red", "blue"]), help: "Which")
    static let wait = Option("wait", .duration, help: "How long")
    static let names = Option("names", .list("NAMES"), help: "Who")
    static let loud = Option("loud", .flag, environment: "LOUD", help: "Louder")

    static let root = Command(
        "shop",
        "Sell",
        subcommands: [
            Command(
                "sell",
                "Sell one",
                options: [count, color, wait, names, loud, .help],
                operands: [.init(name: "THING", help: "What")]
            ) { _ in },
            Command(
                "keys",
                "Keys",
                subcommands: [Command("add", "Add a key", options: [color, .help]) { _ in }]
            ),
            Command("inner", "Inner", options: [.help], takesRest: true, isInternal: true) { _ in },
        ]
    )

    func parse(_ words: String, environment: [String: String] = [:]) throws -> Arguments {
        let parser = CommandParser(root: Self.root, environment: environment)
        let outcome = try parser.parse(words.split(separator: " ").map(String.init))
        guard case .run(_, let arguments, _) = outcome else { throw Failure("asked for help") }
        return arguments
    }

    @Test(arguments: [
        ("", "shop: say what to do: sell, keys"),
        ("buy", "shop: unknown command buy; the commands are sell, keys"),
        ("--loud", "shop: unknown option --loud; the commands are sell, keys"),
        ("keys", "shop keys: say what to do: add"),
        ("keys drop", "shop keys: unknown command drop; the commands are add"),
        ("keys add --count 3", "shop keys add: unknown option --count; it takes --color, --help"),
        ("sell", "shop sell: THING is missing"),
        ("sell hat coat", "shop sell: unexpected \"coat\"; see shop sell --help"),
        ("sell hat --count", "shop sell: --count NUMBER is missing its value"),
        ("sell hat --count ten", "shop sell: --count takes a whole number from 1 to 9, not \"ten\""),
        ("sell hat --count=10", "shop sell: --count takes a whole number from 1 to 9, not \"10\""),
        ("sell hat --color green", "shop sell: --color is one of red, blue, not \"green\""),
        (
            "sell hat --wait 5",
            "shop sell: --wait takes a number with a unit, such as 250ms, 30s, 5m or 1h, not \"5\""
        ),
        ("sell hat --names a,,b", "shop sell: --names takes names separated by commas, not \"a,,b\""),
        ("sell hat --loud=yes", "shop sell: --loud takes no value"),
        (
            "sell hat -- coat",
            "shop sell: unknown option --; it takes --count, --color, --wait, --names, --loud, --help"
        ),
    ]) func `Misuse is one line that says what is accepted`(words: String, message: String) throws {
        let error = #expect(throws: UsageError.self) { try parse(words) }
        #expect(error?.description == message)
    }

    @Test func `A value comes from the command line, else the environment, else the declaration`() throws {
        #expect(try parse("sell hat").number(Self.count) == 3)
        #expect(try parse("sell hat", environment: ["COUNT": "4"]).number(Self.count) == 4)
        #expect(try parse("sell hat --count 5", environment: ["COUNT": "4"]).number(Self.count) == 5)
        #expect(try parse("sell hat", environment: ["COUNT": ""]).number(Self.count) == 3)
        let error = #expect(throws: UsageError.self) { try parse("sell hat", environment: ["COUNT": "x"]) }
        #expect(error?.message == "COUNT takes a whole number from 1 to 9, not \"x\"")
    }

    @Test func `Values have the type their option declares`() throws {
        let arguments = try parse("sell --wait 250ms --names a,b hat --loud --color=red")
        #expect(arguments.duration(Self.wait) == .milliseconds(250))
        #expect(arguments.list(Self.names) == ["a", "b"])
        #expect(arguments.flag(Self.loud))
        #expect(arguments.text(Self.color) == "red")
        #expect(arguments.operands == ["hat"])
        #expect(try parse("sell hat", environment: ["LOUD": "no"]).flag(Self.loud) == false)
    }

    @Test func `What follows two dashes is handed on where a command takes it`() throws {
        #expect(try parse("inner -- ls --all").rest == ["ls", "--all"])
    }

    @Test func `Help names every option with its environment and initial value, and no internal command`()
        throws
    {
        let parser = CommandParser(root: Self.root, environment: [:])
        guard case .help(let text) = try parser.parse(["sell", "--help"]) else { throw Failure("no help") }
        #expect(text.hasPrefix("Sell one.\n\nUsage: shop sell [OPTION]... THING\n"))
        #expect(text.contains("  --count NUMBER    How many (else 3; or COUNT)\n"))
        guard case .help(let overview) = try parser.parse(["-h"]) else { throw Failure("no help") }
        #expect(overview.contains("keys") && !overview.contains("inner"))
    }

    @Test func `The same option means the same in every command`() {
        var known: [String: Option] = [:]
        func check(_ command: Command) {
            for option in command.options {
                if let same = known[option.name] {
                    // Jobs and runs stand in different places.
                    if case .choice = same.kind, case .choice = option.kind, option.name == "state" {
                        continue
                    }
                    #expect(same.usage == option.usage && same.environment == option.environment)
                }
                known[option.name] = option
            }
            command.subcommands.forEach(check)
        }
        check(.usher)
    }
}
