internal import BoxOffice
internal import Glibc
internal import HTTP
internal import Postgres
internal import Reactor

/// `usher demo`: a whole on-sale on this machine, with everybody in it.
enum DemoCommand {
    static let small = Option("small", .flag, help: "A hall of 600 and 1,000 buyers, in well under a minute")
    static let buyers = Option(
        "buyers",
        .number(1...200_000),
        help: "How many come; else as many as ask for twice the stock"
    )
    static let live = Option(
        "live",
        .number(0...100),
        initial: "50",
        help: "How many buyers in a hundred are told on a WebSocket instead of asking"
    )
    static let chaos = Option(
        "chaos",
        .flag,
        help: "Kill a worker, the scheduler, the gateway, the consumers of events and a database backend"
    )
    static let seed = Option(
        "seed",
        .number(0...Int.max),
        help: "Brings the same crowd again; else a new one"
    )
    static let plan = Option(
        "plan",
        .text("FILE"),
        help: "The plan to sell; else Examples/arena.json, or with --small Examples/small-hall.json"
    )
    static let keep = Option("keep", .flag, help: "Leave the database and the log behind, and say where")

    static let command = Command(
        "demo",
        "Play a whole on-sale with thousands of buyers, and check the books",
        discussion: """
            Starts everything in a temporary place, schedules a plan for now, sends real HTTP clients through it,
            and ends with the audit and a replay of the event log. Ends with status 1 if any promise was broken.
            """,
        options: [
            small, buyers, live, chaos, seed, plan, keep, .json, .databaseURL, .logLevel, .logFormat, .help,
        ],
        endsInOrder: true
    ) { invocation in
        let demo = try Demo(invocation)
        try await demo.run()
    }
}
