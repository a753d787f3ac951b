internal import BoxOffice
internal import HTTP
internal import Reactor

/// `usher bench holds`: how many holds a second are granted, with and without the engine and HTTP around them.
struct HoldsBench: Sendable {
    static let holds = Option(
        "holds",
        .number(100...1_000_000),
        initial: "20000",
        help: "Holds of standing room in a run"
    )
    static let pairs = Option(
        "pairs",
        .number(10...100_000),
        initial: "1000",
        help: "Holds of two seats side by side in a run"
    )
    static let seats = Option(
        "seats",
        .number(500...490_000),
        initial: "50000",
        help: "Seats of the hall, of which nine in ten are sold; at least 44 times --pairs"
    )
    static let batch = Option(
        "batch",
        .number(1...5000),
        initial: "500",
        help: "Holds in a transaction, where no engine gathers them"
    )
    static let only = Option(
        "only",
        .list("PARTS"),
        initial: Part.allCases.map(\.rawValue).joined(separator: ","),
        help: "The parts to measure"
    )

    static let command = Command(
        "holds",
        "Have buyers hold tickets and seats, with HTTP and without",
        options: [holds, pairs, seats, batch, LoadCommand.sockets, only] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let parts = try invocation.arguments.list(only).map { name in
            guard let part = Part(rawValue: name) else {
                let accepted = Part.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError(
                    command: invocation.path,
                    message: "--only names \(accepted), not \"\(name)\""
                )
            }
            return part
        }
        let pairs = invocation.arguments.number(pairs) ?? 0
        let seats = invocation.arguments.number(seats) ?? 0
        guard pairs * 44 <= seats else {
            throw UsageError(
                command: invocation.path,
                message: "--seats takes at least 44 times --pairs (\(pairs * 44)), not \(seats)"
            )
        }
        let directory = try FileSystem.makeTemporaryDirectory("usher-bench-holds")
        defer { try? FileSystem.remove(directory) }
        try await BenchPlace.with(invocation) { place in
            let bench = Self(place: place, parts: parts, directory: directory)
            try await bench.run()
        }
    }

    /// What is held, and through how much of the house.
    enum Part: String, CaseIterable, Sendable {
        case grant, durable, http
        case seatsGrant = "seats_grant"
        case seatsHTTP = "seats_http"

        var isSeated: Bool { self == .seatsGrant || self == .seatsHTTP }

        var words: String {
            switch self {
            case .grant, .seatsGrant: "the step that holds, in transactions of its own: no engine, no HTTP"
            case .durable: "durable runs with an Idempotency-Key, started by 400 callers: no HTTP"
            case .http, .seatsHTTP: "POST /v1/reservations to one gateway"
            }
        }
    }

    private let place: BenchPlace
    private let parts: [Part]
    private let directory: String

    private func number(_ option: Option) -> Int { place.invocation.arguments.number(option) ?? 1 }

    private func run() async throws {
        var figures = parts.map { part in
            let what =
                part.isSeated
                ? "\(number(Self.pairs)) pairs side by side in a hall of \(number(Self.seats)) seats, 90 % sold"
                : "\(number(Self.holds)) tickets of standing room, one each"
            return BenchFigure(
                "holds",
                unit: "holds/s",
                config: "\(what); \(part.words)",
                labels: [.init("part", .string(part.rawValue))]
            )
        }
        for run in 1...number(BenchOptions.runs) {
            let standing =
                parts.contains { !$0.isSeated }
                ? try await HoldFloor.standing(number(Self.holds), batch: number(Self.batch), in: place) : nil
            let seated =
                parts.contains(where: \.isSeated)
                ? try await HoldFloor.seated(number(Self.pairs), batch: seatedBatch, in: place) : nil
            for (index, part) in parts.enumerated() {
                let result = try await measure(part)
                let words = "\(Int(result.rate)) holds/s, \(result.refused) refused"
                place.note("run \(run): \(part.rawValue): \(words)")
                figures[index].floor.add(part.isSeated ? seated : standing)
                figures[index].add(result)
            }
        }
        for figure in figures { place.print(figure) }
    }

    /// What a gateway would gather, so that a batch's seats are chosen from the same reading.
    private var seatedBatch: Int { min(number(Self.batch), 200) }

    private func measure(_ part: Part) async throws -> HoldRun {
        let count = number(part.isSeated ? Self.pairs : Self.holds)
        // A tenth more comes first, so that what is prepared once is prepared.
        let early = max(1, count / 10)
        let (warm, buyers) = (1..<early + 1, early + 1..<early + 1 + count)
        return try await place.withSchema { schema in
            let sale =
                part.isSeated
                ? try await BenchSale.hall(number(Self.seats), in: schema)
                : try await BenchSale.standing(2 * count, in: schema)
            try await sale.admit(early + count)
            let straight = StraightHolds(schema: schema, sale: sale)
            let batch = part.isSeated ? seatedBatch : number(Self.batch)
            let before: HoldRun
            let result: HoldRun
            switch part {
            case .grant, .seatsGrant:
                before = try await straight.grant(warm, batch: batch)
                try await place.settle(schema.name)
                result = try await straight.grant(buyers, batch: batch)
            case .durable:
                before = try await straight.start(warm)
                try await place.settle(schema.name)
                result = try await straight.start(buyers)
            case .http, .seatsHTTP:
                (before, result) = try await overHTTP(schema, sale, warm, buyers)
            }
            try await check(sale, before, result, part)
            return result
        }
    }

    private func overHTTP(
        _ schema: BenchSchema,
        _ sale: BenchSale,
        _ warm: Range<Int>,
        _ buyers: Range<Int>
    ) async throws -> (HoldRun, HoldRun) {
        let connections = place.invocation.arguments.text(BenchOptions.connections) ?? "8"
        return try await RoomServer.with(
            place,
            room: sale.onSale.publicID,
            words: [
                "gateway", "--admin-port", "0", "--connections", connections, "--log-level", "warning",
            ],
            environment: schema.environment,
            in: directory
        ) { server in
            let before = try await server.hold(try await sale.lines(warm), count: warm.count)
            try await place.settle(schema.name)
            let result = try await server.hold(try await sale.lines(buyers), count: buyers.count)
            return (HoldRun(before), HoldRun(result))
        }
    }

    /// The books have what was answered, or what was lost may be there, too.
    private func check(_ sale: BenchSale, _ before: HoldRun, _ result: HoldRun, _ part: Part) async throws {
        let size = part.isSeated ? 2 : 1
        let (least, most) = (before.held + result.held, before.lost + result.lost)
        let held = try await sale.held()
        guard (least * size...(least + most) * size).contains(held) else {
            throw Failure("\(least) holds of \(size) were granted, and \(held) tickets are held")
        }
    }
}

extension HoldRun {
    /// What a load on a gateway found.
    fileprivate init(_ run: RoomServer.Run) {
        held = run.report.successes
        refused = run.report.refusals
        lost = run.report.lost
        seconds = run.report.took.seconds
        latencies = run.report.latencies
        usage = run.usage
        clientSeconds = run.gatewaySeconds
    }
}

extension BenchFigure {
    /// Adds one run of holds.
    fileprivate mutating func add(_ run: HoldRun) {
        runs.add(run.rate)
        add(run.latencies)
        add(run.usage, per: run.held)
        add("client_cpu_us_per_unit", run.clientSeconds * 1_000_000 / Double(max(1, run.held)))
        add("refused", Double(run.refused))
        add("lost", Double(run.lost))
    }
}
