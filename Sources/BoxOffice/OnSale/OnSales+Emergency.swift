internal import Postgres

extension OnSales {
    /// The longest that an on-sale may be open to everyone at a time, in seconds.
    package static let longestFailOpen = 3600

    /// Stops everything at once: nobody is called, comes in or holds tickets until ``resume(_:by:)``.
    ///
    /// Every place is kept, turns and sessions stand still, and what is held or being paid goes on.
    ///
    /// - Parameters:
    ///   - id: Which one.
    ///   - title: The on-sale's title, typed by whoever stops it.
    ///   - actor: Who does it, for the audit.
    ///   - reason: Buyers are told.
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` unless it is admitting, `.notConfirmed`, `.alreadyPaused` when it is
    ///   stopped.
    package func stop(
        _ id: OnSaleID,
        confirming title: String,
        by actor: String,
        reason: String?
    ) async throws {
        try await postgres.withTransaction { tx in
            let gate = try await OnSaleGate.lock(id, in: &tx)
            try gate.require([.admitting])
            guard !gate.isStopped else { throw OnSaleProblem.alreadyPaused }
            guard title == gate.title else { throw OnSaleProblem.notConfirmed(title: gate.title) }
            try await tx.execute(
                Query(
                    "on_sale.stop",
                    """
                    UPDATE on_sales SET stopped = true, paused_at = coalesce(paused_at, usher_now()),
                        pause_reason = coalesce(\(reason), pause_reason), open_until = NULL, seq = seq + 1,
                        admission_note = 'stopped'
                    WHERE on_sale_id = \(id.rawValue)
                    """
                )
            )
            try await AuditTrail.append("stop", on: id, by: actor, detail: ["reason": .text(reason)], in: &tx)
            try await tx.pipeline(OnSaleFacts.Paused(reason: reason, stopped: true).append(to: id))
        }
    }

    /// Lets everyone through for whom there may be a ticket, whatever the rate and the limit, for a limited time.
    ///
    /// They still come by their numbers.
    ///
    /// - Parameters:
    ///   - id: Which one.
    ///   - seconds: For how long from now, up to ``longestFailOpen``; 0 ends it.
    ///   - title: The on-sale's title, typed by whoever does it.
    ///   - actor: Who does it, for the audit.
    ///   - reason: Why, for the audit.
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` unless it is admitting, `.alreadyPaused`, `.notConfirmed`, `.invalid`.
    package func failOpen(
        _ id: OnSaleID,
        seconds: Int,
        confirming title: String,
        by actor: String,
        reason: String?
    ) async throws {
        guard (0...Self.longestFailOpen).contains(seconds) else {
            let issue = PlanError.Issue(
                path: "seconds",
                message: "must be a whole number from 0 to \(Self.longestFailOpen); found \(seconds)"
            )
            throw OnSaleProblem.invalid(PlanError(issues: [issue]))
        }
        try await postgres.withTransaction { tx in
            let gate = try await OnSaleGate.lock(id, in: &tx)
            try gate.require([.admitting])
            guard gate.pausedAt == nil else { throw OnSaleProblem.alreadyPaused }
            guard title == gate.title else { throw OnSaleProblem.notConfirmed(title: gate.title) }
            let until = seconds == 0 ? nil : gate.now + .seconds(seconds)
            try await tx.execute(
                Query(
                    "on_sale.fail_open",
                    """
                    UPDATE on_sales SET open_until = \(until), seq = seq + 1, carry = 0
                    WHERE on_sale_id = \(id.rawValue)
                    """
                )
            )
            try await AuditTrail.append(
                "fail_open",
                on: id,
                by: actor,
                detail: ["seconds": .integer(seconds), "reason": .text(reason)],
                in: &tx
            )
        }
    }
}
