internal import Jobs
internal import Postgres
internal import Workflows

extension OnSales {
    /// Stops calling.
    ///
    /// Whoever was called keeps the turn, and it stands still until `resume`.
    ///
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` unless it is admitting, `.alreadyPaused`.
    package func pause(_ id: OnSaleID, by actor: String, reason: String?) async throws {
        try await postgres.withTransaction { tx in
            let gate = try await OnSaleGate.lock(id, in: &tx)
            try gate.require([.admitting])
            guard gate.pausedAt == nil else { throw OnSaleProblem.alreadyPaused }
            try await tx.execute(
                Query(
                    "on_sale.pause",
                    """
                    UPDATE on_sales SET paused_at = usher_now(), pause_reason = \(reason), seq = seq + 1,
                        admission_note = 'paused', open_until = NULL
                    WHERE on_sale_id = \(id.rawValue)
                    """
                )
            )
            try await AuditTrail.append(
                "pause",
                on: id,
                by: actor,
                detail: ["reason": .text(reason)],
                in: &tx
            )
            try await tx.pipeline(OnSaleFacts.Paused(reason: reason, stopped: false).append(to: id))
        }
    }

    /// Calls again, after a pause or a stop.
    ///
    /// Open turns and live sessions end later by as long as it was.
    ///
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState`, `.notPaused`.
    package func resume(_ id: OnSaleID, by actor: String) async throws {
        try await postgres.withTransaction { tx in
            let gate = try await OnSaleGate.lock(id, in: &tx)
            try gate.require([.admitting])
            guard let pausedAt = gate.pausedAt else { throw OnSaleProblem.notPaused }
            let pause = gate.now - pausedAt
            let resume = Query(
                "on_sale.resume",
                """
                UPDATE on_sales SET paused_at = NULL, pause_reason = NULL, stopped = false, seq = seq + 1,
                    ticked_at = usher_now(), carry = 0
                WHERE on_sale_id = \(id.rawValue)
                """
            )
            try await tx.pipeline(
                OnSaleGate.extendTurns(id, by: pause) + [OnSaleGate.extendSessions(id, by: pause), resume]
            )
            let seconds = PlanValue.integer(Int(pause.components.seconds))
            try await AuditTrail.append(
                "resume",
                on: id,
                by: actor,
                detail: ["paused_seconds": seconds],
                in: &tx
            )
            try await tx.pipeline(
                OnSaleFacts.Resumed(pausedSeconds: pause.components.seconds).append(to: id)
            )
        }
    }

    /// Sets how many may be called in a minute; 0 calls nobody.
    ///
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` when it is over, `.invalid`.
    package func setRate(_ id: OnSaleID, perMinute rate: Int, by actor: String) async throws {
        guard (0...1_000_000).contains(rate) else {
            let issue = PlanError.Issue(
                path: "rate_per_minute",
                message: "must be a whole number from 0 to 1000000; found \(rate)"
            )
            throw OnSaleProblem.invalid(PlanError(issues: [issue]))
        }
        try await postgres.withTransaction { tx in
            let gate = try await OnSaleGate.lock(id, in: &tx)
            try gate.require([.scheduled, .prequeue, .admitting])
            try await tx.execute(
                Query(
                    "on_sale.rate",
                    """
                    UPDATE on_sales SET rate_per_minute = \(rate), seq = seq + 1, carry = 0
                    WHERE on_sale_id = \(id.rawValue)
                    """
                )
            )
            let detail: [String: PlanValue] = ["from": .integer(gate.ratePerMinute), "to": .integer(rate)]
            try await AuditTrail.append("rate", on: id, by: actor, detail: detail, in: &tx)
            try await tx.pipeline(
                OnSaleFacts.RateChanged(from: gate.ratePerMinute, to: rate).append(to: id)
            )
        }
    }

    /// Tells everyone in line something, or nothing any more.
    ///
    /// - Throws: `OnSaleProblem.unknown`.
    package func setMessage(_ id: OnSaleID, _ message: String?, by actor: String) async throws {
        try await postgres.withTransaction { tx in
            _ = try await OnSaleGate.lock(id, in: &tx)
            try await tx.execute(
                Query(
                    "on_sale.message",
                    "UPDATE on_sales SET message = \(message), seq = seq + 1 WHERE on_sale_id = \(id.rawValue)"
                )
            )
            try await AuditTrail.append(
                "message",
                on: id,
                by: actor,
                detail: ["message": .text(message)],
                in: &tx
            )
            try await tx.pipeline(OnSaleFacts.MessageChanged(message: message).append(to: id))
        }
    }

    /// Calls the on-sale off: nobody joins, is called, comes in or holds any more.
    ///
    /// In the same commit ``CancelReservations`` is started, which lets go of what is held, waits for what is being paid,
    /// and gives the money back for what is sold; and everyone is told.
    ///
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` when it is over already.
    package func cancel(_ id: OnSaleID, by actor: String, reason: String?) async throws {
        try await changing(id) { gate, tx in
            try gate.require([.scheduled, .prequeue, .admitting, .soldOut])
            try await tx.pipeline([
                Query(
                    "on_sale.cancel",
                    """
                    UPDATE on_sales SET state = 'cancelled', paused_at = NULL, stopped = false, seq = seq + 1, revision = revision + 1
                    WHERE on_sale_id = \(id.rawValue)
                    """
                ),
                Query(
                    "on_sale.shut_door",
                    "UPDATE arrivals SET door = 'closed' WHERE on_sale_id = \(id.rawValue)"
                ),
                Self.endSessions(of: id),
            ])
            _ = try await workflows.start(
                CancelReservations.self,
                CancelReservations.Input(onSale: id),
                key: "cancel:\(id)",
                in: &tx
            )
            try await Self.tell(.cancelled, of: id, by: workflows, in: &tx)
            try await AuditTrail.append(
                "cancel",
                on: id,
                by: actor,
                detail: ["reason": .text(reason)],
                in: &tx
            )
            try await tx.pipeline(OnSaleFacts.Cancelled(reason: reason).append(to: id))
        }
        try await SleepingTick.wake(id, in: postgres)
    }

    /// Ends every session, so that no hold follows the walk through those there are.
    ///
    /// In their order, in which holds lock them, too. Uses `admissions_live`.
    private static func endSessions(of id: OnSaleID) -> Query {
        Query(
            "admissions.end_all",
            """
            WITH live AS MATERIALIZED (
                SELECT admission_id FROM admissions WHERE on_sale_id = \(id.rawValue) AND ended_at IS NULL
                ORDER BY admission_id FOR NO KEY UPDATE
            )
            UPDATE admissions a SET ended_at = usher_now(), end_reason = 'cancelled' FROM live
            WHERE a.admission_id = live.admission_id
            """
        )
    }

    /// Makes a change that the lifecycle must hear of, and tells it in the same commit.
    ///
    /// The run is locked before the on-sale, as everywhere, so the revision is read ahead and checked afterwards.
    func changing(
        _ id: OnSaleID,
        _ change: (OnSaleGate, inout Transaction) async throws -> Void
    ) async throws {
        while true {
            let row = try await postgres.first(
                Query(
                    "on_sale.revision",
                    "SELECT revision, lifecycle_run FROM on_sales WHERE on_sale_id = \(id.rawValue)"
                )
            )
            guard let row else { throw OnSaleProblem.unknown }
            let revision: Int = try row[0]
            let run: Int64? = try row[1]
            let settled = try await postgres.withTransaction { tx in
                if let run {
                    _ = try await workflows.send(
                        OnSaleLifecycle.changed.numbered(revision + 1),
                        true,
                        to: JobID(rawValue: run),
                        in: &tx
                    )
                }
                let gate = try await OnSaleGate.lock(id, in: &tx)
                guard gate.revision == revision else { throw RevisionMoved() }
                try await change(gate, &tx)
            } catching: {
                $0 is RevisionMoved
            }
            if settled { return }
        }
    }
}

/// Someone else changed the on-sale in between.
private struct RevisionMoved: Error {}

extension PostgresClient {
    /// Whether the transaction went through; false when it threw what `expected` knows, and was rolled back.
    fileprivate func withTransaction(
        _ body: (inout Transaction) async throws -> Void,
        catching expected: (any Error) -> Bool
    ) async throws -> Bool {
        do {
            try await withTransaction(.init(), body)
            return true
        } catch  where expected(error) {
            return false
        }
    }
}
