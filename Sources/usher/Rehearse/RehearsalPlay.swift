internal import BoxOffice
internal import Postgres
internal import Reactor
internal import Workflows

/// One rehearsed sale: the crowd's deeds done in the box office, second by second of the frozen clock.
struct RehearsalPlay {
    /// How a rehearsal ends, at a second from the start.
    enum Ending: Sendable, Equatable {
        case soldOut(Int)
        case closed(Int)
        /// Tickets are left, and nobody who wants them.
        case nobodyLeft(Int)

        /// The second.
        var second: Int {
            switch self {
            case .soldOut(let second), .closed(let second), .nobodyLeft(let second): second
            }
        }
    }

    /// A batch of joins, as a gateway makes them.
    private static let batch = 500
    /// The wait before the start is played in about so many steps.
    private static let stepsBeforeStart = 120

    private let schema: RehearsalSchema
    private let house: RehearsalHouse
    private let plan: RehearsalPlan
    private let sale: RehearsedSale
    private let onSale: OnSaleID
    private let salt: [UInt8]
    private let seed: UInt64
    private let codes: [String: [[UInt8]]]
    private var errands: DrawErrands

    /// The second at which the draw was made; nil when it wasn't.
    private(set) var drawnAt: Int?
    private(set) var crowd: RehearsalCrowd
    private(set) var machine = RehearsalMachine()
    private(set) var tiers: [TierStock] = []
    /// The part of the called that the tick expects not to come.
    private(set) var learnedNoShow = 0.0

    private var places: [Int: (arrival: Int64, id: PlaceID)] = [:]
    private var sessions: [Int: AdmissionID] = [:]
    private var holds: [Int: Hold] = [:]
    private var memberNumbers: [String: Int] = [:]
    private var order: DrawOrder?
    private var serving: Int64 = 0
    private var last: Int

    /// Schedules the plan, a second before its room opens.
    init(
        _ plan: RehearsalPlan,
        _ settings: RehearsalSettings,
        _ house: RehearsalHouse,
        in schema: RehearsalSchema
    ) async throws {
        self.schema = schema
        self.house = house
        self.plan = plan
        sale = plan.sale
        seed = settings.seed
        last = -sale.prequeue - 1
        try await schema.set(plan.plan.schedule.opensAt - .seconds(1))
        try await schema.maintain()
        onSale = try await house.onSales.schedule(json: plan.json, by: "rehearsal").id
        let fixed = try await Self.fixDraw(of: onSale, seed: settings.seed, in: schema.postgres)
        salt = fixed.salt
        errands = DrawErrands(plan, secret: fixed.secret)
        var codes: [String: [[UInt8]]] = [:]
        for members in settings.members {
            for start in stride(from: 0, to: members.count, by: 10_000) {
                let made = try await house.presale.addCodes(
                    min(10_000, members.count - start),
                    group: members.group,
                    of: onSale,
                    by: "rehearsal"
                )
                codes[members.group, default: []] += made.compactMap { [salt] code in
                    PresaleCode.fingerprint(of: code, under: salt)
                }
            }
        }
        self.codes = codes
        let sale = sale
        crowd = RehearsalCrowd(
            (0..<settings.buyers).map { SyntheticBuyer(number: $0, settings: settings, sale: sale) }
        )
    }

    /// Makes the draw follow from the seed.
    ///
    /// - Returns: the on-sale's salt, and the secret that is committed to.
    private static func fixDraw(
        of onSale: OnSaleID,
        seed: UInt64,
        in postgres: PostgresClient
    ) async throws -> (salt: [UInt8], secret: [UInt8]) {
        var dice = SeededDice(seed: seed, stream: -1)
        let salt = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &dice) }
        let secret = (0..<Commitment.secretLength).map { _ in UInt8.random(in: .min ... .max, using: &dice) }
        try await postgres.execute(
            Query(
                "rehearsal.draw",
                """
                UPDATE on_sales SET entry_salt = \(salt), draw_secret = \(secret),
                    commitment = \(Commitment.to(secret))
                WHERE on_sale_id = \(onSale.rawValue)
                """
            )
        )
        return (salt, secret)
    }

    // MARK: The sale

    /// Plays it to its end.
    ///
    /// - Parameters:
    ///   - speed: so many seconds of the sale in a real one, at most; nil is as fast as it goes.
    ///   - watch: hears of each second.
    /// - Returns: how it ended.
    /// - Throws: what the database or the box office threw.
    mutating func play(speed: Int?, watch: (Int, RehearsalCrowd) -> Void) async throws -> Ending {
        let begun = MonotonicTime.now
        let first = -sale.prequeue
        let stride = max(1, sale.prequeue / Self.stepsBeforeStart)
        var second = first
        while true {
            let ending = try await step(second)
            machine.played = max(0, second)
            machine.seconds = (MonotonicTime.now - begun).seconds
            watch(second, crowd)
            if let ending { return ending }
            if let speed {
                let ahead = Double(second - first) / Double(speed) - machine.seconds
                if ahead > 0 { try await Task.sleep(for: .seconds(ahead)) }
            }
            if second > 0, second % 300 == 0 { try await schema.maintain() }
            second = second < 0 ? min(0, second + stride) : second + 1
        }
    }

    private mutating func step(_ second: Int) async throws -> Ending? {
        let begun = MonotonicTime.now
        try await schema.set(plan.plan.schedule.startsAt + .seconds(second))
        try await house.engine.wake()
        try await house.engine.drain(queue: AdmissionTick.queue)
        if second >= 0 { machine.ticks.add(RehearsalMachine.milliseconds(since: begun)) }
        let now = try await house.onSales.find(onSale)
        tiers = try await Stock.tiers(of: onSale, from: schema.postgres)
        learnedNoShow = now.noShow
        if now.state == .soldOut { return .soldOut(second) }
        if now.state.isOver { return .closed(second) }
        if now.state == .prequeue, second >= 0 { try await errands.run(onSale, house.onSales) }
        if now.state == .admitting {
            drawnAt = drawnAt ?? second
            try await call(now, at: second)
        }
        try await join(at: second)
        try await leave(at: second)
        try await buy(at: second)
        if second >= 0 { machine.steps.add(RehearsalMachine.milliseconds(since: begun)) }
        last = second
        let isOver =
            second >= 0 && crowd.isIdle && crowd.line == 0 && tiers.allSatisfy { $0.held + $0.paying == 0 }
        return isOver ? .nobodyLeft(second) : nil
    }

    private mutating func call(_ now: OnSaleRecord, at second: Int) async throws {
        let inside = try await schema.postgres.query(Admissions.countLive(onSale))
        crowd.ticked(now.admissionNote, inside: try inside.first.map { try $0[0] } ?? 0)
        guard now.serving > serving else { return }
        if order == nil {
            guard let status = try await OnSaleStatus.find(onSale, in: schema.postgres),
                let count = status.entries, let key = status.drawKey
            else { return }
            order = try await house.orders.order(of: onSale, key: key, count: Int(count), in: schema.postgres)
        }
        for number in serving + 1...now.serving {
            crowd.called(arrival: order?.arrival(ofNumber: number) ?? number, at: second)
        }
        serving = now.serving
    }

    private mutating func join(at second: Int) async throws {
        let buyers = crowd.due(.joins, after: last, at: second)
        for start in stride(from: 0, to: buyers.count, by: Self.batch) {
            let begun = MonotonicTime.now
            let part = buyers[start..<min(start + Self.batch, buyers.count)]
            let requests = part.map { request(of: $0) }
            let outcomes = try await house.joins.commit(requests)
            machine.joins.add(RehearsalMachine.milliseconds(since: begun))
            for (buyer, outcome) in zip(part, outcomes) {
                if case .joined(let place, let arrival, _) = outcome {
                    places[buyer] = (arrival, place)
                    crowd.joined(buyer, arrival: arrival, at: second)
                } else {
                    crowd.turnedAway(buyer)
                }
            }
        }
    }

    private mutating func request(of buyer: Int) -> JoinRequest {
        var dice = SeededDice(seed: seed, stream: -2 - buyer)
        var code: [UInt8]?
        if let group = crowd.buyers[buyer].group {
            let number = memberNumbers[group, default: 0]
            memberNumbers[group] = number + 1
            code = codes[group]?[number]
        }
        let name = "rehearsal-\(buyer)"
        let who: BoxOffice.Buyer = plan.plan.buyers == .proven ? .proven(name) : .secret(Array(name.utf8))
        return JoinRequest(
            onSale: onSale,
            buyer: who.fingerprint(under: salt),
            code: code,
            hasGroups: !plan.plan.groups.isEmpty,
            needsGroup: plan.plan.isInvitationOnly,
            place: PlaceID(high: dice.next(), low: dice.next())
        )
    }

    private mutating func leave(at second: Int) async throws {
        for buyer in crowd.due(.givesUp, after: last, at: second) {
            guard let place = places[buyer] else { continue }
            _ = try await house.places.leave(onSale, arrival: place.arrival, place: place.id)
            crowd.left(buyer)
        }
    }

    // MARK: Inside

    private mutating func buy(at second: Int) async throws {
        try await comeIn(crowd.due(.comesIn, after: last, at: second), at: second)
        for buyer in crowd.due(.holds, after: last, at: second) {
            let begun = MonotonicTime.now
            let hold = try await hold(for: buyer)
            machine.holds.add(RehearsalMachine.milliseconds(since: begun))
            holds[buyer] = hold
            if hold == nil { crowd.foundNothing(buyer) } else { crowd.held(buyer, at: second) }
        }
        var paying: [Int] = []
        for buyer in crowd.due(.pays, after: last, at: second) {
            guard let hold = holds[buyer], let session = sessions[buyer] else { continue }
            do {
                _ = try await house.reservations.checkout(
                    hold.reservation,
                    admission: session,
                    method: "rehearsal"
                )
                paying.append(buyer)
            } catch is Reservations.Refusal {
                crowd.lost(buyer)
            }
        }
        try await house.engine.drain()
        for buyer in paying {
            guard let hold = holds[buyer], let session = sessions[buyer] else { continue }
            let view = try await house.reservations.get(hold.reservation, admission: session)
            if view.state == .sold {
                crowd.bought(buyer, tickets: hold.quantity, at: second)
            } else {
                crowd.lost(buyer)
            }
        }
    }

    private mutating func comeIn(_ buyers: [Int], at second: Int) async throws {
        guard !buyers.isEmpty else { return }
        let asking = buyers.compactMap { buyer in places[buyer].map { (buyer, $0) } }
        let outcomes = try await house.admissions.commit(
            asking.map { AdmissionRequest(onSale: onSale, arrival: $1.arrival, place: $1.id) }
        )
        for ((buyer, _), outcome) in zip(asking, outcomes) {
            switch outcome {
            case .admitted(let session):
                sessions[buyer] = session.id
                crowd.cameIn(buyer, at: second)
            case .full, .stopped, .notYet: crowd.metFullRoom(buyer, at: second)
            case .missed, .left, .done, .unknownPlace: crowd.missed(buyer)
            }
        }
    }

    /// The tickets that a buyer likes best, else as many as there are of another tier.
    private func hold(for buyer: Int) async throws -> Hold? {
        guard let session = sessions[buyer] else { return nil }
        let wishes = crowd.buyers[buyer]
        var quantity = wishes.quantity
        var rest: (tier: Int, quantity: Int)?
        for tier in wishes.tiers {
            var outcome = try await ask(session, tier, quantity)
            if case .limitExceeded(let limit, let has) = outcome, has < limit {
                quantity = limit - has
                outcome = try await ask(session, tier, quantity)
            }
            switch outcome {
            case .held(let hold), .repeated(let hold): return hold
            case .soldOut(let left) where left > rest?.quantity ?? 0: rest = (tier, left)
            case .sessionOver: return nil
            default: continue
            }
        }
        guard let rest, case .held(let hold) = try await ask(session, rest.tier, min(rest.quantity, quantity))
        else { return nil }
        return hold
    }

    private func ask(_ session: AdmissionID, _ tier: Int, _ quantity: Int) async throws -> HoldOutcome {
        try await house.reservations.hold(
            HoldRequest(
                onSale: onSale,
                admission: session,
                choice: .best(tier: plan.plan.tiers[tier].id, quantity: quantity)
            )
        )
    }
}
