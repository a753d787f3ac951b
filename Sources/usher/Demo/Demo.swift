internal import BoxOffice
internal import Glibc
internal import HTTP
internal import Postgres
internal import Reactor

/// One demo from the empty place to the audit.
struct Demo: Sendable {
    private let invocation: Invocation
    private let isSmall: Bool
    private let pace: DemoPace
    private let planFile: String
    private let seed: UInt64
    private let place: String
    private let log: DemoLog
    private let tally = DemoTally()

    private var wantsJSON: Bool { invocation.arguments.flag(.json) }
    private var keeps: Bool { invocation.arguments.flag(DemoCommand.keep) }

    init(_ invocation: Invocation) throws {
        self.invocation = invocation
        let arguments = invocation.arguments
        isSmall = arguments.flag(DemoCommand.small)
        pace = isSmall ? .hall : .arena
        planFile =
            arguments.text(DemoCommand.plan) ?? (isSmall ? "Examples/small-hall.json" : "Examples/arena.json")
        seed = arguments.number(DemoCommand.seed).map(UInt64.init) ?? UInt64.random(in: 1...999_999)
        // Read before anything is started: a plan that is refused leaves nothing behind.
        _ = try DemoPlan(path: planFile, pace: pace, now: 0)
        place = try FileSystem.makeTemporaryDirectory("usher-demo")
        // The database's own user has to get in.
        guard unsafe chmod(place, 0o755) == 0 else { throw FileSystem.failure("open", place) }
        log = try DemoLog("\(place)/log")
    }

    /// Plays it; throws a ``Failure`` when a promise was broken.
    func run() async throws {
        do {
            let report = try await play()
            UpCommand.say(report.text)
            if wantsJSON { UpCommand.say(report.json) }
            guard report.faults.isEmpty else {
                throw Failure(
                    "\(report.faults.joined(separator: "; ")) (seed \(seed)); the log is in \(place)"
                )
            }
        } catch {
            if invocation.stop.isMade {
                try FileSystem.remove(place)
            } else if !(error is Failure) {
                say("the log is in \(place)")
            }
            throw error
        }
        if keeps {
            say("kept in \(place)")
        } else {
            try FileSystem.remove(place)
        }
    }

    private func say(_ text: String) {
        UpCommand.say(text)
    }

    private func play() async throws -> DemoReport {
        say("usher demo, seed \(seed): starting a database, a scheduler, workers and a gateway in \(place)")
        let house = try await House(
            HouseSettings(
                directory: place,
                databaseURL: invocation.arguments.text(.databaseURL),
                schema: "usher_demo_\(getpid())",
                host: "127.0.0.1",
                port: 0,
                adminPort: 0,
                paymentsURL: nil,
                standInWords: [
                    "--declines", "2", "--duplicates", "5", "--late", "2", "--timeouts", "1", "--silence",
                    "12s",
                    "--delay", "3s", "--seed", "\(seed)",
                ],
                logLevel: invocation.arguments.text(.logLevel) ?? "info",
                logFormat: invocation.arguments.text(.logFormat) ?? "plain",
                environment: OneAddress.environment().merging(invocation.environment) { $1 },
                isTemporary: true
            ),
            line: { [log] who, line in log.write("[\(who)] \(line)") },
            note: { [log] in log.write("[demo] \($0)") }
        )
        let report: DemoReport
        do {
            try await house.open(stop: invocation.stop)
            report = try await sell(in: house)
        } catch {
            try? await close(house)
            throw error
        }
        try await close(house)
        return report
    }

    private func close(_ house: House) async throws {
        if invocation.arguments.isGiven(.databaseURL), !keeps {
            await house.supervisor.stop()
            _ = try? await house.postgres.execute(
                Query("demo.drop", "DROP SCHEMA \(identifier: "usher_demo_\(getpid())") CASCADE")
            )
        }
        try await house.close()
    }

    private func sell(in house: House) async throws -> DemoReport {
        let loops = try EventLoopGroup(count: 1, name: "buyers")
        defer { loops.stop() }
        // Every buyer keeps a connection, and a double click needs one more.
        DescriptorLimit.raise()
        let client = HTTPClient(loops: loops)
        do {
            let report = try await sell(in: house, loops, client)
            await client.shutdown()
            return report
        } catch {
            await client.shutdown()
            throw error
        }
    }

    private func sell(
        in house: House,
        _ loops: EventLoopGroup,
        _ client: HTTPClient
    ) async throws -> DemoReport {
        let begun = MonotonicTime.now
        let key = try await APIKeys(postgres: house.postgres).add(role: .promoter, label: "demo")
        let filed = try DemoPlan(path: planFile, pace: pace, now: Self.microseconds())
        let onSale = try await schedule(filed, with: key, client, house.endpoint)
        let opens =
            MonotonicTime.now + .microseconds(filed.plan.schedule.opensAt.microseconds - Self.microseconds())
        let count =
            invocation.arguments.number(DemoCommand.buyers)
            ?? (isSmall ? 1000 : Int(Double(filed.plan.capacity) * 2 / BuyerPlan.meanQuantity))
        let room = DemoRoom(
            onSale: onSale.publicID,
            tiers: filed.plan.tiers.map(\.id),
            limit: filed.plan.reservations.maxPerBuyer,
            pace: pace,
            opens: opens,
            deadline: opens + pace.limit
        )
        say("\(filed.plan.title), \(filed.plan.venue): \(filed.plan.capacity) tickets, \(count) buyers")
        let crowd = Crowd(
            count: count,
            seed: seed,
            room: room,
            tierCapacities: filed.plan.tiers.map { filed.plan.capacity(ofTier: $0.id) },
            live: invocation.arguments.number(DemoCommand.live) ?? 50,
            endpoint: house.endpoint,
            loops: loops,
            tally: tally
        )
        let kills = await withTaskGroup(of: Int?.self) { group in
            group.addTask {
                await crowd.run()
                return nil
            }
            group.addTask {
                await house.keep(until: invocation.stop)
                return nil
            }
            group.addTask {
                await watch(onSale, capacity: filed.plan.capacity, opens, client, house.endpoint)
                return nil
            }
            if invocation.arguments.flag(DemoCommand.chaos) {
                group.addTask { await shoot(in: house, capacity: filed.plan.capacity) }
            }
            // The crowd's end ends the rest; the stop request is heard by everybody.
            var kills = 0
            while let result = await group.next() {
                if let result { kills = result }
                if tally.now.finished >= count || invocation.stop.isMade { group.cancelAll() }
            }
            return kills
        }
        guard !invocation.stop.isMade else { throw Failure("ended by a signal") }
        return try await check(onSale, count, kills, since: begun, house)
    }

    private func schedule(
        _ filed: DemoPlan,
        with key: String,
        _ client: HTTPClient,
        _ endpoint: HTTPEndpoint
    ) async throws -> OnSaleID {
        let request = HTTPRequest(
            .post,
            "/v1/promoter/on-sales",
            headers: ["Authorization": "Bearer \(key)", "Content-Type": "application/json"],
            body: filed.json
        )
        let answer = try await client.send(request, to: endpoint)
        let text = String(decoding: answer.body, as: UTF8.self)
        guard answer.status == 201, let body = try? JSONValue(parsing: answer.body),
            let id = body["id"]?.string.flatMap(OnSaleID.init(publicID:))
        else { throw Failure("the plan was refused with \(answer.status): \(OneLine.joined(text))") }
        return id
    }

    /// Shows the on-sale until cancelled.
    private func watch(
        _ onSale: OnSaleID,
        capacity: Int,
        _ opens: MonotonicTime,
        _ client: HTTPClient,
        _ endpoint: HTTPEndpoint
    ) async {
        let view = DemoView()
        var moment = DemoView.Moment(
            seconds: 0,
            state: "scheduled",
            serving: 0,
            last: 0,
            capacity: capacity,
            numbers: tally.now
        )
        var isFirst = true
        while !Task.isCancelled {
            let request = HTTPRequest(.get, "/v1/on-sales/\(onSale.publicID)/status")
            if let answer = try? await client.send(request, to: endpoint, timeout: .seconds(2)),
                answer.status == 200,
                let body = try? JSONValue(parsing: answer.body)
            {
                moment.state = body["state"]?.string ?? moment.state
                moment.serving = Int(body["serving"]?.int ?? 0)
                moment.last = Int(body["last"]?.int ?? 0)
            }
            moment.seconds = Int(max(.zero, MonotonicTime.now - opens).seconds)
            moment.numbers = tally.now
            write(view.text(moment, first: isFirst))
            isFirst = false
            try? await Task.sleep(for: view.isTerminal ? .milliseconds(500) : .seconds(5))
        }
        moment.numbers = tally.now
        write(view.text(moment, first: isFirst))
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(1, $0.baseAddress, $0.count) }
    }

    /// Waits until the sale is in full swing, and shoots.
    private func shoot(in house: House, capacity: Int) async -> Int {
        while tally.now.ticketsSold < capacity / 10 {
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return 0 }
        }
        let chaos = DemoChaos(house: house, seed: seed) { [log] text in
            log.write("[demo] \(text)")
            if !DemoView().isTerminal { UpCommand.say(text) }
        }
        return await chaos.run(pause: isSmall ? .seconds(3) : .seconds(10))
    }

    /// Waits until every reservation has ended or ought to have, and reads the books.
    private func check(
        _ onSale: OnSaleID,
        _ count: Int,
        _ kills: Int,
        since begun: MonotonicTime,
        _ house: House
    ) async throws -> DemoReport {
        let seconds = (MonotonicTime.now - begun).seconds
        let patience = pace.holdSeconds + pace.extensionSeconds + pace.paymentSeconds + pace.graceSeconds + 31
        let end = MonotonicTime.now + .seconds(patience)
        while MonotonicTime.now < end, try await DemoBooks.underWay(onSale, in: house.postgres) > 0 {
            try await Task.sleep(for: .milliseconds(250))
        }
        // What follows a sale, such as its capture, has a moment to arrive; the audit is of a live system.
        var findings = try await AuditCommand.findings(in: house.postgres)
        while MonotonicTime.now < end, findings.contains(where: { !$0.offenders.isEmpty }) {
            try await Task.sleep(for: .seconds(1))
            findings = try await AuditCommand.findings(in: house.postgres)
        }
        say("")
        for finding in findings { say(finding.text) }
        let brokenDraw = await verify(onSale, house)
        if brokenDraw.isEmpty { say("ok     the draw was made again from what is published") }
        let replay = try await DemoReplay(
            house: house,
            shots: invocation.arguments.flag(DemoCommand.chaos) ? 2 : 0,
            note: { [log] in log.write("[demo] \($0)") }
        ).run()
        for name in replay.identical {
            say("ok     \(name) came to the same from \(replay.events) events told anew")
        }
        let numbers = tally.now
        return DemoReport(
            buyers: count,
            numbers: numbers,
            books: try await DemoBooks.read(onSale, ledger: numbers.ledger, from: house.postgres),
            brokenChecks: findings.filter { !$0.offenders.isEmpty }.map(\.text),
            brokenDraw: brokenDraw,
            replay: replay,
            kills: kills + replay.kills,
            seed: seed,
            seconds: seconds
        )
    }

    /// Makes the draw again as any buyer could, and says what does not fit.
    private func verify(_ onSale: OnSaleID, _ house: House) async -> [String] {
        do {
            let verification = try await VerifyCommand.verification(
                of: "http://\(house.endpoint)/v1/on-sales/\(onSale.publicID)"
            )
            let isMade = verification.order != nil
            let broken = verification.findings.filter { !$0.isFine }.map { "draw: \($0.text)" }
            return isMade ? broken : broken + ["draw: it was not made"]
        } catch {
            return ["draw: \(error)"]
        }
    }

    /// Now, in microseconds since 1970, UTC.
    private static func microseconds() -> Int64 {
        PostgresTimestamp.now.microseconds
    }
}
