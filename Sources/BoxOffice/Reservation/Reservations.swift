internal import EventLog
internal import Jobs
package import Postgres
package import Workflows

/// What a buyer can do with reservations: the box office's side of `/v1/reservations`.
///
/// Every change tells the run first and then changes the row, in one transaction. The run row is locked first
/// everywhere, so that these can't deadlock with the run's own steps.
package struct Reservations: Sendable {
    let postgres: PostgresClient
    let workflows: WorkflowClient
    let starter: EagerStarter

    package init(postgres: PostgresClient, workflows: WorkflowClient, starter: EagerStarter) {
        self.postgres = postgres
        self.workflows = workflows
        self.starter = starter
    }

    /// Why a change was refused.
    package enum Refusal: Error, Sendable, Hashable {
        /// There is no such reservation, or it is another buyer's: the answer is the same.
        case unknown
        /// It is not in a state in which this can be done.
        case wrongState(ReservationState)
        /// Its deadline has passed; it is about to expire.
        case tooLate
        /// It was extended, or tried to be paid for, as often as it may.
        case limitReached
        /// The same is being done by another request.
        case inProgress
    }

    // MARK: Hold

    /// Holds tickets: starts a reservation's run and answers what its first step did.
    ///
    /// - Throws: ``PostgresError``; with `commitUnknown`, sending the same Idempotency-Key again finds out.
    package func hold(_ request: HoldRequest) async throws -> HoldOutcome {
        let run = try await starter.start(Reservation.self, request)
        return try run.result(of: HoldSeats.name, as: HoldOutcome.self) ?? .contended
    }

    // MARK: Read

    /// A reservation of this admission session.
    ///
    /// - Throws: ``Refusal/unknown``.
    package func get(_ id: ReservationID, admission: AdmissionID) async throws -> ReservationView {
        guard let view = try await ReservationView.read(id, from: postgres), view.admission == admission
        else {
            throw Refusal.unknown
        }
        return view
    }

    // MARK: Extend

    /// Gives a hold more time, as often as the on-sale's rules allow.
    ///
    /// The run notices when it wakes.
    ///
    /// - Throws: ``Refusal``.
    package func extend(_ id: ReservationID, admission: AdmissionID) async throws -> ReservationView {
        let isExtended = try await postgres.withTransaction { transaction in
            let extended = try await transaction.first(Self.extend(id, admission: admission))
            guard let extended else { return false }
            let fact = ReservationFact(
                id.rawValue,
                admission: admission.rawValue,
                tier: try extended[1],
                quantity: try extended[2],
                total: try extended[3],
                currency: try extended[4],
                expiresAt: try extended[5]
            )
            let draft = try fact.draft(.extended, of: try extended[0])
            _ = try await transaction.commit(after: FactDraft.append([draft]))
            return true
        }
        let view = try await get(id, admission: admission)
        if isExtended { return view }
        guard view.state == .held else { throw Refusal.wrongState(view.state) }
        throw view.extensionsLeft == 0 ? Refusal.limitReached : Refusal.tooLate
    }

    private static func extend(_ id: ReservationID, admission: AdmissionID) -> Query {
        Query(
            "reservations.extend",
            """
            UPDATE reservations AS r
            SET expires_at = r.expires_at + make_interval(secs => c.extension_seconds),
                hold_ends_at = r.expires_at + make_interval(secs => c.extension_seconds),
                extended = r.extended + 1
            FROM reservation_rules AS c
            WHERE r.id = \(id.rawValue) AND r.admission_id = \(admission.rawValue)
                AND c.on_sale_id = r.on_sale_id AND r.state = 'held' AND r.expires_at > usher_now()
                AND r.extended < c.extension_limit
            RETURNING r.on_sale_id, r.tier, r.quantity, r.total, r.currency, r.expires_at
            """
        )
    }

    // MARK: Release

    /// Lets go of a hold.
    ///
    /// - Throws: ``Refusal``; a reservation that was released already is not one.
    package func release(_ id: ReservationID, admission: AdmissionID) async throws {
        let view = try await get(id, admission: admission)
        if view.state == .released { return }
        guard view.state == .held else { throw Refusal.wrongState(view.state) }
        try await letGo(id)
    }

    /// Lets go of the holds among some reservations, each in a transaction of its own.
    ///
    /// - Returns: how many were holds.
    func releaseHeld(_ ids: [ReservationID]) async throws -> Int {
        var count = 0
        for id in ids {
            do {
                try await letGo(id)
                count += 1
            } catch is Refusal {
                continue
            }
        }
        return count
    }

    private func letGo(_ id: ReservationID) async throws {
        try await postgres.withTransaction { transaction in
            let run = JobID(rawValue: id.rawValue)
            _ = try await workflows.send(Reservation.released, true, to: run, in: &transaction)
            guard let row = try await ReservationBook.lock([id.rawValue], in: &transaction)[id.rawValue]
            else {
                throw Refusal.unknown
            }
            // Throwing takes the event back, too: a run must not hear of a release that didn't happen.
            guard row.state == .held else { throw Refusal.wrongState(row.state) }
            try await ReservationBook.commit(ReservationBook.Change(row, to: .released), in: &transaction)
        }
        workflows.store.wake([Reservation.queue])
    }
}
