internal import Postgres

/// One tick of an on-sale's admission, in one transaction: settle turns, end sessions, call the next.
struct TickTransaction: Sendable {
    let onSale: OnSaleID
    let orders: DrawOrders

    /// After a longer gap between ticks the room was down, and open turns and sessions end later by the gap.
    private static let outage = Duration.seconds(10)

    func run(in tx: inout Transaction) async throws -> TickReport {
        let gate: OnSaleGate
        do { gate = try await OnSaleGate.lock(onSale, in: &tx) } catch OnSaleProblem.unknown {
            return TickReport(isLast: true)
        }
        if gate.state == .admitting, gate.pausedAt != nil {
            try await note("paused", gate, in: tx)
            return TickReport()
        }
        let gap = gate.tickedAt.map { gate.now - $0 } ?? .zero
        if gate.state == .admitting, gap > Self.outage {
            try await tx.pipeline([
                OnSaleGate.extendTurns(onSale, by: gap), OnSaleGate.extendSessions(onSale, by: gap),
            ])
        }
        try await endSessions(gate, in: tx)
        if gate.state == .admitting, gap <= Self.outage, try await isFull(gate, in: tx) {
            try await tx.execute(OnSaleGate.extendTurns(onSale, by: gap))
        }
        let noShow = try await settleTurns(gate, in: tx)
        let numbers = try await TickNumbers.read(onSale, in: tx)
        if gate.state.isOver {
            return TickReport(isLast: numbers.active == 0)
        }
        if numbers.isSoldOut {
            try await tx.pipeline(TickStatements.soldOut(onSale, gate.now))
            return TickReport()
        }
        return try await call(gate, numbers, elapsed: gap, noShow: noShow, in: tx)
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
    private func settleTurns(_ gate: OnSaleGate, in tx: borrowing Transaction) async throws -> Double {
        var noShow = gate.noShow
        let settled = try await tx.query(TickStatements.settle(onSale, gate.now, all: gate.state.isOver))
        guard !gate.state.isOver else { return noShow }
        for row in settled { noShow = NoShow.updated(noShow, called: try row[0], missed: try row[1]) }
        return noShow
    }

    /// Two statements: the second sees holds that were committed while the first waited for nobody.
    private func endSessions(_ gate: OnSaleGate, in tx: borrowing Transaction) async throws {
        let rows = try await tx.query(TickStatements.ending(onSale, gate.now, all: gate.state.isOver))
        let ids: [Int64] = try rows.map { try $0[0] }
        guard !ids.isEmpty else { return }
        let reason = gate.state == .soldOut ? "sold_out" : gate.state.isOver ? "closed" : "expired"
        try await tx.execute(TickStatements.end(onSale, ids, gate.now, reason: reason))
    }

    private func call(
        _ gate: OnSaleGate,
        _ numbers: TickNumbers,
        elapsed: Duration,
        noShow: Double,
        in tx: borrowing Transaction
    ) async throws -> TickReport {
        guard let order = gate.order(from: orders) else { return TickReport() }
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        let law = AdmissionLaw(
            ratePerMinute: Double(gate.ratePerMinute),
            elapsed: seconds,
            carry: gate.carry,
            limit: gate.activeLimit,
            active: numbers.active,
            undecided: numbers.undecided,
            pending: numbers.pending,
            free: numbers.free,
            meanBasket: numbers.meanBasket,
            noShow: noShow,
            waiting: Int(numbers.issued - gate.serving)
        )
        let decision = law.decide()
        var callUp = CallUp(serving: gate.serving, issued: numbers.issued, wanted: decision.calls)
        while let chunk = callUp.nextChunk() {
            let arrivals = chunk.map { order.arrival(ofNumber: $0) }
            let gone = try await tx.query(TickStatements.gone(onSale, arrivals))
            callUp.take(chunk, gone: Set(try gone.map { order.number(ofArrival: try $0[0]) }))
        }
        var statements = [
            TickStatements.advance(onSale, callUp, decision, noShow: noShow, now: gate.now)
        ]
        if callUp.last > gate.serving {
            statements.append(TickStatements.turn(gate, callUp, law, decision))
        }
        try await tx.pipeline(statements)
        return TickReport(called: callUp.called)
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
