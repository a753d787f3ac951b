internal import Postgres

/// Someone without a place who wants what comes back after everything was sold.
package struct WaitlistJoin: Sendable {
    /// As somebody asks who joins the line.
    package let join: JoinRequest
    /// How many tickets they would take at most.
    package let quantity: Int

    package init(_ join: JoinRequest, quantity: Int) {
        self.join = join
        self.quantity = quantity
    }
}

/// What became of a request for a place and a spot on the waitlist with it.
package enum WaitlistJoinOutcome: Sendable, Equatable {
    /// The buyer's place, there before or new at the end of the line, and what became of the spot.
    case placed(PlaceID, arrival: Int64, WaitlistOutcome)
    /// There is no place for this buyer.
    case refused(JoinOutcome)
    /// Only an on-sale that is sold out has a waitlist.
    case wrongState(OnSaleState)
    /// There is no such on-sale.
    case unknownOnSale
}

extension Waitlist {
    /// Commits a batch of buyers who come once everything is sold: each gets a place at the end of the line and a spot with
    /// it, in one commit; asking twice is asking once.
    ///
    /// Who may have a place is decided as for every join. The on-sale's row is locked before its arrivals, as by ticks.
    ///
    /// - Returns: One outcome for each request, in order; the same buyer always gets the same place.
    /// - Throws: `PostgresError`; with code `commitUnknown` the same requests can simply be sent again.
    package func commit(_ requests: [WaitlistJoin]) async throws -> [WaitlistJoinOutcome] {
        var outcomes = [WaitlistJoinOutcome](repeating: .unknownOnSale, count: requests.count)
        var offering: [OnSaleID] = []
        for onSale in Set(requests.map(\.join.onSale)).sorted() {
            let indices = requests.indices.filter { requests[$0].join.onSale == onSale }
            let own = indices.map { requests[$0] }
            let (answers, wakes) = try await postgres.withTransaction { tx in
                let answers = try await place(own, of: onSale, in: &tx)
                return (answers, try await isOffering(onSale, answers, in: &tx))
            }
            if wakes { offering.append(onSale) }
            for (index, answer) in zip(indices, answers) { outcomes[index] = answer }
        }
        for onSale in offering { try await SleepingTick.wake(onSale, in: postgres) }
        return outcomes
    }

    private func place(
        _ requests: [WaitlistJoin],
        of onSale: OnSaleID,
        in tx: inout Transaction
    ) async throws -> [WaitlistJoinOutcome] {
        let gate: OnSaleGate
        do { gate = try await OnSaleGate.lock(onSale, in: &tx) } catch OnSaleProblem.unknown {
            return requests.map { _ in .unknownOnSale }
        }
        guard gate.state == .soldOut else { return requests.map { _ in .wrongState(gate.state) } }
        var batch = JoinBatch(requests.map(\.join), through: .soldOut)
        let inserts = try await batch.settle(in: tx)
        for (insert, rows) in zip(inserts, try await tx.pipeline(inserts.map(\.query))) {
            try batch.place(rows, in: insert.onSale)
        }
        let joined = batch.outcomes
        // Of several requests of one buyer the first counts.
        var asking: [Int64: WaitlistRequest] = [:]
        for (request, outcome) in zip(requests, joined) {
            guard case .joined(let place, let arrival, _) = outcome, asking[arrival] == nil else { continue }
            asking[arrival] = WaitlistRequest(
                onSale: onSale,
                arrival: arrival,
                place: place,
                quantity: request.quantity
            )
        }
        let sorted = asking.values.sorted { $0.arrival < $1.arrival }
        let spots = try await join(sorted, of: gate, in: &tx)
        return joined.map { outcome in
            guard case .joined(let place, let arrival, _) = outcome else { return .refused(outcome) }
            return .placed(place, arrival: arrival, spots[arrival] ?? .unknownPlace)
        }
    }

    private func isOffering(
        _ onSale: OnSaleID,
        _ outcomes: [WaitlistJoinOutcome],
        in tx: inout Transaction
    ) async throws -> Bool {
        let isWaiting = outcomes.contains { outcome in
            if case .placed(_, _, .waiting) = outcome { true } else { false }
        }
        guard isWaiting else { return false }
        return try await tx.first(Self.stock(onSale)) != nil
    }
}
