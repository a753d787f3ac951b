import Jobs
import Postgres
import Testing

@testable import BoxOffice

@Suite("The audit of stock", .timeLimit(.minutes(5)))
struct StockAuditTests {
    /// What breaks one promise by hand, and the check that must notice.
    struct Violation: Sendable, CustomTestStringConvertible {
        var check: String
        var sql: SQL
        var testDescription: String { check }
    }

    static let violations = [
        Violation(
            check: "free + withheld",
            sql: "ALTER TABLE tiers DROP CONSTRAINT tiers_balance; UPDATE tiers SET free = free + 1"
        ),
        Violation(
            check: "sums of its reservations",
            sql: "UPDATE tiers SET held = held - 1, free = free + 1 WHERE id = 'floor'"
        ),
        Violation(
            check: "counts of its seats",
            sql: "UPDATE seats SET state = 'withheld' WHERE seat = 20"
        ),
        Violation(
            check: "name each other",
            sql: "UPDATE seats SET reservation_id = 99 WHERE reservation_id IS NOT NULL"
        ),
        Violation(
            check: "name each other",
            sql: "UPDATE reservations SET seats = '{1,2}' WHERE tier = 'seated'"
        ),
        Violation(check: "may have", sql: "UPDATE reservation_rules SET max_per_buyer = 1"),
        Violation(
            check: "after its deadline",
            sql: "UPDATE clock SET shift = interval '331 s'"
        ),
        Violation(check: "whose run has ended", sql: "UPDATE jobs SET state = 'failed'"),
        Violation(
            check: "captured payment belongs",
            sql: """
                INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency, state,
                    created_at, updated_at)
                SELECT id, 1, on_sale_id, 'r', 'm', total, currency, 'captured', now(), now() FROM reservations
                """
        ),
        Violation(
            check: "has a payment",
            sql: "UPDATE reservations SET state = 'sold', ended_at = now() WHERE tier = 'floor'"
        ),
        Violation(
            check: "ending has a time",
            sql: "UPDATE reservations SET ended_at = now() WHERE tier = 'floor'"
        ),
    ]

    private func withHolds(_ body: (House) async throws -> Void) async throws {
        try await withHouse { house in
            let requests = [house.request(1, 2), house.request(2, 2, of: "seated")]
            let runs = [JobID(rawValue: 1), JobID(rawValue: 2)]
            for run in runs {
                _ = try await house.client.execute(
                    Query(
                        "test.job",
                        """
                        INSERT INTO jobs (id, name, home_queue, queue, state, input)
                        VALUES (\(run.rawValue), 'reservation', 'reservations', 'reservations', 'waiting', '{}')
                        """
                    )
                )
            }
            try await house.hold(requests, runs: runs)
            try await body(house)
        }
    }

    @Test func `A house in order passes every check`() async throws {
        try await withHolds { house in
            for check in StockAudit.checks {
                let offenders = try await check.offenders(in: house.client)
                #expect(offenders == [], "\(check.name)")
            }
        }
    }

    @Test(arguments: violations) func `A promise broken by hand is noticed`(
        _ violation: Violation
    ) async throws {
        try await withHolds { house in
            try await house.client.simple(violation.sql.text)
            let check = try #require(StockAudit.checks.first { $0.name.contains(violation.check) })
            let offenders = try await check.offenders(in: house.client)
            #expect(!offenders.isEmpty, "\(check.name)")
        }
    }
}
