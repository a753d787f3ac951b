package import Jobs
package import Postgres
package import Workflows

/// Moves the orders of on-sales that are long over out of the way of those that are sold now.
///
/// Each range of ids goes as a whole, in one commit that touches no row, and is then written anew, smaller.
package struct ArchiveOrders: Workflow {
    package static let name = "archive_orders"

    /// How long orders stay.
    package struct Input: Sendable, Codable {
        /// Days after the last of a range's on-sales has closed; seven at the least.
        package let keepDays: Int

        package init(keepDays: Int) {
            self.keepDays = max(7, keepDays)
        }
    }

    /// What was done.
    package struct Report: Sendable, Codable, Equatable {
        package struct Kept: Sendable, Codable, Equatable {
            package let range: Int64
            package let reason: String
        }

        /// How many orders were archived.
        package var orders: Int64 = 0
        package var archived: [Int64] = []
        package var kept: [Kept] = []
    }

    /// How often a range whose tables are in use is tried before it waits for the next night.
    private static let patience = 20

    private let postgres: PostgresClient

    package init(postgres: PostgresClient) {
        self.postgres = postgres
    }

    /// A run for each night, in the hours when nothing goes on sale.
    package static func nightly(keepDays: Int) throws -> Recurrence {
        var recurrence = try Recurrence(
            name: "archive orders",
            workflow: Self.self,
            input: Input(keepDays: keepDays),
            rhythm: .cron(try CronExpression("30 3 * * *"))
        )
        recurrence.overlaps = false
        return recurrence
    }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> Report {
        let (postgres, keepDays) = (postgres, input.keepDays)
        let ranges = try await context.step("ranges") { tx -> [Int64] in
            try await tx.query(OrderArchive.unfinished()).map { try $0[0] }
        }
        var report = Report()
        for range in ranges {
            var move = OrderArchive.Move.busy
            for _ in 0..<Self.patience {
                move = try await context.step("archive \(range)") { tx in
                    try await OrderArchive.move(range, keepDays: keepDays, in: tx)
                }
                guard move == .busy else { break }
                try await context.sleep(for: .seconds(15))
            }
            switch move {
            case .busy: report.kept.append(.init(range: range, reason: "its tables were in use"))
            case .kept(let reason): report.kept.append(.init(range: range, reason: reason))
            case .archived:
                let orders = try await context.effect("pack \(range)", timeout: .seconds(1800)) { _ in
                    try await OrderArchive.pack(range, in: postgres)
                }
                report.archived.append(range)
                report.orders += orders
            }
        }
        return report
    }
}
