internal import Jobs
package import Postgres

/// Holding schedules, by operators.
package struct ScheduleControls: Sendable {
    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Holds a schedule or lets it go on, and records who did, in one commit.
    ///
    /// - Returns: whether there is such a schedule.
    package func setPaused(_ isPaused: Bool, schedule: String, by holder: APIKeys.Holder) async throws -> Bool
    {
        try await postgres.withTransaction { tx in
            guard try await Recurrence.setPaused(isPaused, schedule, in: tx) else { return false }
            try await AuditTrail.append(
                isPaused ? "schedule_pause" : "schedule_resume",
                byOperator: holder,
                detail: ["schedule": .string(schedule)],
                in: &tx
            )
            return true
        }
    }
}
