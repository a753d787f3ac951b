/// The options of the benches.
enum BenchOptions {
    static let runs = Option(
        "runs",
        .number(1...100),
        initial: "5",
        help: "How often each figure is measured; its line has the least, the middle and the greatest"
    )
    static let jobs = Option("jobs", .number(100...50_000_000), initial: "200000", help: "Jobs of a run")
    static let workers = Option("workers", .number(1...64), initial: "1", help: "Worker processes")
    static let capacity = Option(
        "capacity",
        .number(1...10_000),
        environment: "USHER_CAPACITY",
        initial: "2000",
        help: "The most jobs that a worker process holds at a time"
    )
    static let connections = Option(
        "connections",
        .number(1...500),
        environment: "USHER_CONNECTIONS",
        initial: "8",
        help: "The most database connections that a worker process opens"
    )
    static let floors = Option(
        "floors",
        .list("NAMES"),
        initial: "same_work,upd_del,del1",
        help: "The hand-written loops to measure beside it, or none"
    )
    static let openLoop = Option(
        "open-loop",
        .list("RATES"),
        help: "Instead, enqueue at these rates per second, as in 500,2000,5000, and measure enqueue to start"
    )
    static let waitIdle = Option(
        "wait-idle",
        .duration,
        initial: "60s",
        help:
            "How long each measurement waits for others to leave the machine alone; 0s also keeps disturbed ones"
    )
    static let seconds = Option(
        "seconds",
        .number(1...3600),
        initial: "10",
        help: "How long each rate is kept up"
    )

    /// What every bench takes.
    static let shared = [runs, capacity, connections, waitIdle, .databaseURL] + Option.logging

    /// The numbers of a list.
    static func numbers(
        _ option: Option,
        _ range: ClosedRange<Int>,
        of invocation: Invocation
    ) throws -> [Int] {
        try invocation.arguments.list(option).map { word in
            guard let number = Int(word), range.contains(number) else {
                throw UsageError(
                    command: invocation.path,
                    message: """
                        --\(option.name) takes numbers from \(range.lowerBound) to \(range.upperBound), separated by \
                        commas, not "\(word)"
                        """
                )
            }
            return number
        }
    }
}
