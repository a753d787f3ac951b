internal import Jobs
package import Postgres
internal import Workflows

/// What promoters do with on-sales.
///
/// Every change is an audited row.
package struct OnSales: Sendable {
    let postgres: PostgresClient
    let workflows: WorkflowClient

    package init(postgres: PostgresClient) {
        self.postgres = postgres
        workflows = WorkflowClient(postgres: postgres)
    }

    /// Schedules an on-sale: its row, its stock and the workflow that opens and closes it, in one commit.
    ///
    /// - Parameters:
    ///   - json: The plan as it was filed.
    ///   - actor: Who files it, for the audit.
    /// - Returns: The on-sale as it was written.
    /// - Throws: `OnSaleProblem.invalid` with everything that is wrong with the plan.
    package func schedule(json: [UInt8], by actor: String) async throws -> OnSaleRecord {
        let plan: Plan
        do { plan = try Plan(json: json) } catch { throw OnSaleProblem.invalid(error) }
        let id = try await postgres.withTransaction { tx in
            try await schedule(plan, json: json, by: actor, in: &tx)
        }
        return try await find(id)
    }

    private func schedule(
        _ plan: Plan,
        json: [UInt8],
        by actor: String,
        in tx: inout Transaction
    ) async throws -> OnSaleID {
        // A secret that the promoter keeps is not here until it is handed in.
        let secret = plan.draw.commitment == nil ? SecureBytes.random(Commitment.secretLength) : nil
        let inserted = try await tx.query(Self.insert(plan, json: json, secret: secret))
        guard let row = inserted.first else {
            let issue = PlanError.Issue(path: "closes_at", message: "must lie in the future")
            throw OnSaleProblem.invalid(PlanError(issues: [issue]))
        }
        let id = OnSaleID(rawValue: try row[0])
        try await tx.execute(DrawCeremony.insert(plan.draw, startsAt: plan.schedule.startsAt, for: id))
        try await Stock.install(plan, for: id, in: &tx)
        let run = try await workflows.start(
            OnSaleLifecycle.self,
            OnSaleLifecycle.Input(onSale: id),
            key: "on-sale:\(id)",
            in: &tx
        )
        try await tx.execute(
            Query(
                "on_sale.scheduled",
                """
                WITH room AS (INSERT INTO arrivals (on_sale_id) VALUES (\(id.rawValue)))
                UPDATE on_sales SET lifecycle_run = \(run.rawValue) WHERE on_sale_id = \(id.rawValue)
                """
            )
        )
        try await AuditTrail.append(
            "schedule",
            on: id,
            by: actor,
            detail: ["title": .string(plan.title), "capacity": .integer(plan.capacity)],
            in: &tx
        )
        try await tx.pipeline(OnSaleFacts.Scheduled(plan).append(to: id))
        return id
    }

    /// One on-sale.
    ///
    /// - Throws: `OnSaleProblem.unknown`.
    package func find(_ id: OnSaleID) async throws -> OnSaleRecord {
        let row = try await postgres.first(
            Query(
                "on_sale.find",
                """
                SELECT \(fragment: OnSaleRecord.columns) FROM on_sales o JOIN arrivals a USING (on_sale_id)
                WHERE o.on_sale_id = \(id.rawValue)
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        return try OnSaleRecord(row)
    }

    /// The key with which the promoter of an on-sale vouches for buyers; see ``BuyerAssertion``.
    ///
    /// - Throws: `OnSaleProblem.unknown`.
    package func buyerKey(of id: OnSaleID) async throws -> [UInt8] {
        let row = try await postgres.first(
            Query("on_sale.salt", "SELECT entry_salt FROM on_sales WHERE on_sale_id = \(id.rawValue)")
        )
        guard let row else { throw OnSaleProblem.unknown }
        return BuyerAssertion.key(entrySalt: try row[0])
    }

    /// On-sales in the order they were filed, after a given one; all, or those of a key that is for some.
    package func list(after: OnSaleID?, limit: Int, only: [OnSaleID]? = nil) async throws -> [OnSaleRecord] {
        try await postgres.query(
            Query(
                "on_sale.list",
                """
                SELECT \(fragment: OnSaleRecord.columns) FROM on_sales o JOIN arrivals a USING (on_sale_id)
                WHERE o.on_sale_id > \(after?.rawValue ?? 0) AND a.on_sale_id > \(after?.rawValue ?? 0)
                    AND (\(only == nil) OR o.on_sale_id = ANY (\(only?.map(\.rawValue) ?? [])))
                ORDER BY o.on_sale_id LIMIT \(limit)
                """
            )
        ).map(OnSaleRecord.init)
    }

    /// Inserts nothing when the plan's end has passed.
    private static func insert(_ plan: Plan, json: [UInt8], secret: [UInt8]?) -> Query {
        let commitment = plan.draw.commitment ?? Commitment.to(secret ?? [])
        let salt = SecureBytes.random(32)
        return Query(
            "on_sale.insert",
            """
            INSERT INTO on_sales (title, venue, city, currency, opens_at, starts_at, closes_at, rate_per_minute,
                active_limit, turn_seconds, session_seconds, plan, entry_salt, draw_secret, commitment, buyers,
                invitation_only, reoffer_limit, reoffer_seconds, created_at)
            SELECT \(plan.title), \(plan.venue), \(plan.city), \(plan.currency), \(plan.schedule.opensAt),
                \(plan.schedule.startsAt), \(plan.schedule.closesAt), \(plan.rules.ratePerMinute),
                \(plan.rules.activeLimit), \(plan.rules.turnSeconds), \(plan.rules.sessionSeconds),
                \(JSONB(bytes: json)), \(salt), \(secret), \(commitment), \(plan.buyers),
                \(plan.isInvitationOnly), \(plan.rules.reofferLimit), \(plan.rules.reofferSeconds), usher_now()
            WHERE \(plan.schedule.closesAt) > usher_now()
            RETURNING on_sale_id
            """
        )
    }
}
