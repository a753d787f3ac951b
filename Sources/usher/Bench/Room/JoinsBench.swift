internal import BoxOffice
internal import Glibc
internal import HTTP
internal import Jobs
internal import Reactor
internal import Workflows

/// `usher bench joins`: how many buyers take a place and look where they stand, beside a room in Redis.
struct JoinsBench: Sendable {
    static let arrivals = Option(
        "arrivals",
        .number(100...10_000_000),
        initial: "100000",
        help: "Buyers of a run"
    )
    static let over = Option("over", .duration, initial: "10s", help: "The time over which they arrive")
    static let looks = Option("looks", .number(100...50_000_000), initial: "200000", help: "Looks at a place")
    static let rooms = Option(
        "rooms",
        .list("NAMES"),
        initial: "usher,redis_always,redis_everysec",
        help: "The rooms to measure"
    )

    static let command = Command(
        "joins",
        "Have a crowd join a room over HTTP and look where it stands",
        options: [arrivals, over, looks, LoadCommand.sockets, rooms] + BenchOptions.shared,
        endsInOrder: true
    ) { invocation in
        let rooms = try invocation.arguments.list(rooms).map { name in
            guard let room = Room(name) else {
                throw UsageError(
                    command: invocation.path,
                    message: "--rooms names usher, redis_always or redis_everysec, not \"\(name)\""
                )
            }
            return room
        }
        let needsRedis = rooms.contains { $0.durability != nil }
        let redis = needsRedis ? try RedisServer(path: invocation.environment["PATH"] ?? "") : nil
        let directory = try FileSystem.makeTemporaryDirectory("usher-bench-room")
        defer { try? FileSystem.remove(directory) }
        try await BenchPlace.with(invocation) { place in
            var bench = Self(place: place, rooms: rooms, redis: redis, directory: directory)
            try await bench.run()
        }
    }

    /// Whose waiting room.
    enum Room: Sendable {
        case usher
        case redis(RedisServer.Durability)

        init?(_ name: String) {
            switch name {
            case "usher": self = .usher
            case "redis_always": self = .redis(.always)
            case "redis_everysec": self = .redis(.everysec)
            default: return nil
            }
        }

        var durability: RedisServer.Durability? {
            if case .redis(let durability) = self { durability } else { nil }
        }

        var name: String { durability.map { "redis_\($0.rawValue)" } ?? "usher" }

        /// What an answered join has survived.
        var promise: String {
            switch durability {
            case nil: "a join is on disk before it is answered (fsync and synchronous_commit on)"
            case .always: "Redis with appendfsync always: a join is on disk before it is answered"
            case .everysec: "Redis with appendfsync everysec: a crash loses the joins of a second"
            }
        }
    }

    private let place: BenchPlace
    private let rooms: [Room]
    private let redis: RedisServer?
    private let directory: String
    private var figures: [BenchFigure] = []
    private var floor = Samples()

    private init(place: BenchPlace, rooms: [Room], redis: RedisServer?, directory: String) {
        (self.place, self.rooms, self.redis, self.directory) = (place, rooms, redis, directory)
    }

    private var joins: Int { place.invocation.arguments.number(Self.arrivals) ?? 100_000 }
    private var time: Duration { place.invocation.arguments.duration(Self.over) ?? .seconds(10) }
    private var looks: Int { place.invocation.arguments.number(Self.looks) ?? 200_000 }

    private mutating func run() async throws {
        let sockets = place.invocation.arguments.text(LoadCommand.sockets) ?? ""
        for room in rooms {
            for (name, what) in [
                ("joins", "\(joins) buyers arrive evenly over \(time.seconds) s, whatever becomes of them"),
                ("joins.peak", "\(joins) buyers, each connection's next as soon as the last was answered"),
                (
                    "joins.looks",
                    "\(looks) looks at drawn places by as many buyers as joined, as fast as answered"
                ),
            ] {
                figures.append(
                    BenchFigure(
                        name,
                        unit: name == "joins.looks" ? "looks/s" : "joins/s",
                        config: "\(what), over \(sockets) connections to one HTTP process; \(room.promise)",
                        labels: [.init("room", .string(room.name))]
                    )
                )
            }
        }
        for run in 1...(place.invocation.arguments.number(BenchOptions.runs) ?? 5) {
            if let result = try await JoinFloor.measure(joins, in: place) {
                place.note("run \(run): floor \(Int(result.rate)) joins/s")
                floor.add(result.rate)
            }
            for (index, room) in rooms.enumerated() {
                let results = try await measure(room)
                for (offset, result) in results.enumerated() { add(result, to: index * 3 + offset) }
                let words = results.map {
                    "\(Int($0.report.rate))/s p99 \($0.report.latencies.percentile(0.99) ?? 0) ms"
                }
                place.note("run \(run): \(room.name): \(words.joined(separator: ", "))")
            }
        }
        for index in figures.indices {
            if figures[index].bench != "joins.looks" { figures[index].floor = floor }
            place.print(figures[index])
        }
    }

    private mutating func add(_ run: RoomServer.Run, to index: Int) {
        let report = run.report
        let units = Double(max(1, report.successes))
        figures[index].runs.add(report.rate)
        figures[index].add(report.latencies)
        figures[index].add("gateway_cpu_us_per_unit", run.gatewaySeconds * 1_000_000 / units)
        figures[index].add("load_cpu_us_per_unit", report.cpu.seconds * 1_000_000 / units)
        figures[index].add("refused", Double(report.refusals))
        figures[index].add("lost", Double(report.lost))
        guard let seconds = run.storeSeconds else {
            return figures[index].add(run.usage, per: report.successes)
        }
        figures[index].add("server_cpu_us_per_unit", seconds * 1_000_000 / units)
        figures[index].add("foreign_cpu_share", run.usage.load.foreignShare)
    }

    // MARK: Rooms

    private func measure(_ room: Room) async throws -> [RoomServer.Run] {
        switch room {
        case .usher: try await measureOurs()
        case .redis(let durability): try await measureRedis(durability)
        }
    }

    private func measureOurs() async throws -> [RoomServer.Run] {
        try await place.withSchema { schema in
            // The lifecycle waits there for a worker that never comes.
            try await schema.store.ensureQueue(OnSaleLifecycle.queue)
            let room = try await BenchRoom.open(in: schema.postgres)
            let connections = place.invocation.arguments.text(BenchOptions.connections) ?? "8"
            return try await RoomServer.with(
                place,
                room: room.onSale.publicID,
                words: [
                    "gateway", "--admin-port", "0", "--connections", connections, "--log-level", "warning",
                ],
                environment: schema.environment,
                in: directory
            ) { server in
                try await place.settle(schema.name)
                let open = try await server.join(joins, over: time)
                let peak = try await server.join(joins, over: .zero)
                let joined = try await room.joined()
                guard joined >= open.report.successes + peak.report.successes else {
                    throw Failure(
                        "of \(open.report.successes + peak.report.successes) places \(joined) are there"
                    )
                }
                try await room.draw()
                // The gateway reads the on-sale once a second, and then computes the order.
                try await Task.sleep(for: .seconds(3))
                return [open, peak, try await server.look(looks)]
            }
        }
    }

    private func measureRedis(_ durability: RedisServer.Durability) async throws -> [RoomServer.Run] {
        guard let redis else { return [] }
        return try await redis.with(durability, in: directory) { socket, server in
            try await RoomServer.with(
                place,
                room: "room",
                words: ["bench", "redis-room", "--redis", socket],
                environment: ["PATH": "/usr/bin:/bin"],
                in: directory,
                store: server
            ) { server in
                try await place.quiet()
                let open = try await server.join(joins, over: time)
                let peak = try await server.join(joins, over: .zero)
                return [open, peak, try await server.look(looks)]
            }
        }
    }
}
