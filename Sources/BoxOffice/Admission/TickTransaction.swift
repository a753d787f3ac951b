package import Postgres
internal import Reactor

/// One tick of an on-sale's admission, in one transaction: settle turns, end sessions, call the next.
package struct TickTransaction: Sendable {
    let onSale: OnSaleID
    let orders: DrawOrders

    package init(onSale: OnSaleID, orders: DrawOrders) {
        self.onSale = onSale
        self.orders = orders
    }

    /// After a longer gap between ticks the room was down, and open turns and sessions end later by the gap.
    private static let outage = Duration.seconds(10)
    /// Of a pause that takes so long everyone is told who wants to be.
    static let longPause = Duration.seconds(600)

    /// Makes the tick.
    ///
    /// - Throws: `PostgresError`.
    package func run(in tx: inout Transaction) async throws -> TickReport {
        let gate: OnSaleGate
        do { gate = try await OnSaleGate.lock(onSale, in: &tx) } catch OnSaleProblem.unknown {
            return TickReport(isLast: true)
        }
        if gate.state == .admitting, let pausedAt = gate.pausedAt {
            try await note(gate.isStopped ? "stopped" : "paused", gate, in: tx)
            return TickReport(telling: telling(of: pausedAt, gate))
        }
        let gap = gate.tickedAt.map { gate.now - $0 } ?? .zero
        if gate.state == .admitting || gate.state == .soldOut, gap > Self.outage {
            try await tx.pipeline(
                OnSaleGate.extendTurns(onSale, by: gap) + [OnSaleGate.extendSessions(onSale, by: gap)]
            )
        }
        let conversion = try await endSessions(gate, in: tx)
        if gate.state == .admitting, gap <= Self.outage, try await isFull(gate, in: tx) {
            try await tx.pipeline(OnSaleGate.extendTurns(onSale, by: gap))
        }
        let (noShow, missed) = try await settleTurns(gate, in: tx)
        let numbers = try await TickNumbers.read(onSale, in: tx)
        switch gate.state {
        case .scheduled, .prequeue, .closed, .cancelled:
            return TickReport(isLast: gate.state.isOver && numbers.active == 0)
        case .soldOut:
            return try await offerReturns(gate, numbers, noShow: noShow, in: tx)
        case .admitting where numbers.isSoldOut:
            try await tx.pipeline(
                TickStatements.soldOut(onSale, gate.now) + OnSaleFacts.SoldOut().append(to: onSale)
            )
            // Nobody who is inside can buy any more, and each may want a spot on the waitlist.
            var soldOut = gate
            soldOut.state = .soldOut
            soldOut.soldOutAt = gate.now
            _ = try await endSessions(soldOut, in: tx)
            return TickReport()
        case .admitting:
            let learning = TickLearning(gate, numbers, conversion: conversion, noShow: noShow)
            return try await call(gate, numbers, elapsed: gap.seconds, learning, missed, in: tx)
        }
    }

    /// What everyone is told of a pause, at the first tick after it has become a long one.
    private func telling(of pausedAt: PostgresTimestamp, _ gate: OnSaleGate) -> TellEveryone.Input? {
        let due = pausedAt + Self.longPause
        guard gate.now >= due, gate.tickedAt.map({ $0 < due }) ?? true else { return nil }
        return TellEveryone.Input(onSale: onSale, kind: .paused, since: pausedAt)
    }

    /// Whether nobody could come in just now.
    ///
    /// Turns stand still meanwhile: whoever meets a full room keeps theirs, and isn't taken for someone who
    /// didn't come.
    private func isFull(_ gate: OnSaleGate, in tx: borrowing Transaction) async throws -> Bool {
        let row = try await tx.first(Admissions.countLive(onSale))
        return try row.map { try $0[0] >= gate.activeLimit } ?? false
    }

    /// Ends the turns whose time is up, and learns from them how many come.
    ///
    /// All of them, once the on-sale is over.
    ///
    /// - Returns: what was learned, and what those are told who missed their turn and may have another.
    private func settleTurns(
        _ gate: OnSaleGate,
        in tx: borrowing Transaction
    ) async throws -> (noShow: Double, missed: [PlaceNotice]) {
        var noShow = gate.noShow
        let isClosed = gate.state == .closed || gate.state == .cancelled
        let again = try await tx.query(Reoffers.settle(onSale, gate.now, all: isClosed))
        let settled = try await tx.query(TickStatements.settle(onSale, gate.now, all: gate.state.isOver))
        guard !gate.state.isOver else { return (noShow, []) }
        for row in settled { noShow = NoShow.updated(noShow, called: try row[0], missed: try row[1]) }
        return (noShow, try await missed(settled, again, gate, in: tx))
    }

    private func missed(
        _ settled: [Row],
        _ again: [Row],
        _ gate: OnSaleGate,
        in tx: borrowing Transaction
    ) async throws -> [PlaceNotice] {
        guard gate.reofferLimit > 0, gate.reofferSeconds > 0 else { return [] }
        var notices: [PlaceNotice] = []
        for row in again {
            let place = CalledPlace(arrival: try row[0], number: try row[1], ordinal: try row[2])
            guard try row[3], place.ordinal < gate.reofferLimit else { continue }
            notices.append(.missed(place, endedAt: try row[4], gate))
        }
        var ended: [Int64: (number: Int64, at: PostgresTimestamp)] = [:]
        if let order = try await gate.order(from: orders, in: tx) {
            for row in settled where try (row[1] as Int) > 0 {
                let (first, last): (Int64, Int64) = (try row[2], try row[3])
                let at: PostgresTimestamp = try row[4]
                for number in first...last { ended[order.arrival(ofNumber: number)] = (number, at) }
            }
        }
        guard !ended.isEmpty else { return notices }
        for row in try await tx.query(TickStatements.absent(onSale, ended.keys.sorted())) {
            let arrival: Int64 = try row[0]
            guard let (number, at) = ended[arrival] else { continue }
            notices.append(.missed(CalledPlace(arrival: arrival, number: number), endedAt: at, gate))
        }
        return notices
    }

    /// Two statements: the second sees holds that were committed while the first waited for nobody.
    ///
    /// - Returns: The part of those who came that bought, as learned so far.
    private func endSessions(_ gate: OnSaleGate, in tx: borrowing Transaction) async throws -> Double {
        let rows = try await tx.query(TickStatements.ending(gate))
        let ids: [Int64] = try rows.map { try $0[0] }
        guard !ids.isEmpty else { return gate.conversion }
        let reason = gate.state == .soldOut ? "sold_out" : gate.state.isOver ? "closed" : "expired"
        let ended = try await tx.query(TickStatements.end(onSale, ids, gate.now, reason: reason))
        let bought = try ended.count { try $0[0] == "bought" }
        return NoShow.updated(gate.conversion, called: ended.count, missed: bought)
    }

    private func call(
        _ gate: OnSaleGate,
        _ numbers: TickNumbers,
        elapsed: Double,
        _ learning: TickLearning,
        _ missed: [PlaceNotice],
        in tx: borrowing Transaction
    ) async throws -> TickReport {
        guard let order = try await gate.order(from: orders, in: tx) else { return TickReport() }
        var learning = learning
        learning.pressure = try await pressure(gate, elapsed: elapsed, in: tx)
        let inLine = Int(numbers.issued - gate.serving)
        let law = AdmissionLaw(
            ratePerMinute: Double(gate.ratePerMinute),
            elapsed: elapsed,
            carry: gate.carry,
            limit: gate.activeLimit,
            active: numbers.active,
            undecided: numbers.undecided,
            pending: numbers.pending,
            free: numbers.free,
            meanBasket: numbers.meanBasket,
            noShow: learning.noShow,
            waiting: inLine + numbers.reoffers.asking,
            throttle: learning.pressure.factor,
            isFailOpen: gate.isFailOpen
        )
        let decision = law.decide()
        let again = try await callAgain(gate, atMost: min(decision.calls, numbers.reoffers.asking), in: tx)
        let wanted = decision.calls - again.count
        var callUp = CallUp(serving: gate.serving, issued: numbers.issued, wanted: wanted)
        while let chunk = callUp.nextChunk() {
            let arrivals = chunk.map { order.arrival(ofNumber: $0) }
            let gone = try await tx.query(TickStatements.gone(onSale, arrivals))
            callUp.take(chunk, gone: Set(try gone.map { order.number(ofArrival: try $0[0]) }))
        }
        learning.take(callUp, elapsed: elapsed)
        func place(_ number: Int64) -> CalledPlace {
            CalledPlace(arrival: order.arrival(ofNumber: number), number: number)
        }
        let called = callUp.last > gate.serving ? (gate.serving + 1...callUp.last).map(place) : []
        let nearing = nearing(gate, numbers, callUp, learning)
        let notices = try await PlaceNotice.write(
            missed + (again + called).map { .turn($0, gate) }
                + nearing.found.map { .nearly(place($0.number), in: $0.seconds, gate) },
            of: onSale,
            in: tx
        )
        var statements = [
            TickStatements.advance(gate, callUp, law, decision, learning, nearing: nearing.last)
        ]
        if callUp.last > gate.serving {
            statements.append(TickStatements.turn(gate, callUp, law, decision))
            let fact = LineFacts.Called(
                firstNumber: callUp.first,
                lastNumber: callUp.last,
                called: callUp.called
            )
            statements += try fact.append(to: onSale)
        }
        try await tx.pipeline(statements)
        return TickReport(called: callUp.called + again.count, notices: notices)
    }

    private func nearing(
        _ gate: OnSaleGate,
        _ numbers: TickNumbers,
        _ callUp: CallUp,
        _ learning: TickLearning
    ) -> NearingTurns {
        let rate = Double(gate.ratePerMinute) * learning.pressure.factor
        return NearingTurns(after: gate.nearing, serving: callUp.last, issued: numbers.issued) { number in
            WaitEstimate(
                ahead: number - callUp.last - 1,
                ratePerMinute: rate,
                pace: learning.pace,
                paused: false
            )?.p50
        }
    }

    /// What has come back after everything was sold goes to the waitlist, in its order.
    private func offerReturns(
        _ gate: OnSaleGate,
        _ numbers: TickNumbers,
        noShow: Double,
        in tx: borrowing Transaction
    ) async throws -> TickReport {
        guard numbers.free > 0, numbers.reoffers.asking > 0 else {
            // What is held comes back by itself, and sessions and turns end by the clock.
            if numbers.active == 0, numbers.held == 0, numbers.reoffers.out == 0, gate.now < gate.closesAt {
                return TickReport(nap: try await SleepingTick.lieDown(gate, in: tx))
            }
            try await note("sold_out", gate, in: tx)
            return TickReport()
        }
        let undecided = Int((Double(numbers.undecided) * numbers.meanBasket).rounded(.up))
        let fitting = try await tx.first(Reoffers.fitting(onSale, free: numbers.free - undecided))
        let again = try await callAgain(gate, atMost: try fitting?[0] ?? 0, in: tx)
        let notices = try await PlaceNotice.write(again.map { .turn($0, gate) }, of: onSale, in: tx)
        try await note("returns", gate, in: tx)
        return TickReport(called: again.count, notices: notices)
    }

    private func callAgain(
        _ gate: OnSaleGate,
        atMost limit: Int,
        in tx: borrowing Transaction
    ) async throws -> [CalledPlace] {
        guard limit > 0 else { return [] }
        let called = try await tx.query(Reoffers.call(gate, atMost: limit)).map {
            CalledPlace(arrival: try $0[0], number: try $0[1], ordinal: try $0[2])
        }
        if !called.isEmpty {
            try await tx.pipeline(LineFacts.CalledAgain(places: called.map(\.arrival)).append(to: onSale))
        }
        return called
    }

    /// What the gateways report, and how late this tick is.
    private func pressure(
        _ gate: OnSaleGate,
        elapsed: Double,
        in tx: borrowing Transaction
    ) async throws -> AdmissionPressure {
        var signals = try await GatewayReport.signals(in: tx)
        // A tick is a job as any other: what it waited beyond its pause is how late workers are.
        if elapsed > 0, gate.tickedAt != nil {
            signals[.workerLag] = max(0, elapsed - AdmissionTick.pause.seconds)
        }
        return gate.pressure.following(signals, now: gate.now)
    }

    private func note(_ note: String, _ gate: OnSaleGate, in tx: borrowing Transaction) async throws {
        try await tx.execute(
            Query(
                "tick.note",
                """
                UPDATE on_sales SET ticked_at = \(gate.now), seq = seq + 1, admission_note = \(note)
                WHERE on_sale_id = \(onSale.rawValue)
                """
            )
        )
    }
}
