import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import Jobs
@testable import usher

/// `usher audit` as it is called: silent on a sound system, and clear about each promise that was broken by hand.
@Suite(.timeLimit(.minutes(5)))
struct AuditProgramTests {
    /// One way to break a promise.
    struct Crime: Sendable {
        /// The check that must notice.
        let check: String
        let sql: String
        /// Words of the line that names the row.
        let row: String

        init(_ check: String, _ sql: String, _ row: String) {
            self.check = check
            self.sql = sql
            self.row = row
        }
    }

    /// All crimes against one promise, committed together.
    struct Spree: Sendable, CustomTestStringConvertible {
        let promise: Int
        let crimes: [Crime]
        var testDescription: String { "promise \(promise)" }
    }

    private static let sprees = [
        Spree(
            promise: 1,
            crimes: [
                Crime("every ready job can be claimed", "DELETE FROM ready", "(x) is ready in queue default"),
                Crime(
                    "no queued job was lost between its lane, its claim and its closure",
                    // The ready ones are gone already.
                    "SELECT 1",
                    "(y) of queue default is neither blocked, nor ready, nor held by a worker, nor closed"
                ),
                Crime(
                    "no plain job is in two places at once",
                    """
                    INSERT INTO ready (rank, job_id, lane, is_run)
                    SELECT 0, c.job_ids[1], q.first_lane, false FROM closures c, queues q WHERE q.name = c.queue
                    """,
                    " is in 2 places at once"
                ),
                Crime(
                    "a key's slots are held by its ready and running jobs, one each",
                    "INSERT INTO admitted VALUES ('default', 'a', 1000, 0)",
                    "job 1000 holds a slot of key a in queue default, but is neither ready nor running"
                ),
                Crime(
                    "no blocked job waits for a key that has room and of which nobody was told",
                    "INSERT INTO blocked VALUES ('default', 'b', 0, 1000, 0)",
                    "key b of queue default has room for 1 of its 1 blocked jobs and no signal"
                ),
                Crime(
                    "every job that waits for a time has its timer",
                    "DELETE FROM timers",
                    "(x) is scheduled until "
                ),
                Crime(
                    "every parked run waits for something that has not come",
                    "INSERT INTO events (job_id, name, payload) SELECT id, 'checkout', '1' FROM jobs WHERE id = 1000",
                    "run 1000 (reservation) waits for checkout, which has come"
                ),
                Crime(
                    "every fan-in waits for children that have not ended",
                    "INSERT INTO fan_ins VALUES (1000, 'pages', 3)",
                    "run 1000 waits for 3 children of pages, of which only 0 have not ended"
                ),
                Crime(
                    "every running job would be found again if its worker died",
                    "DELETE FROM claims",
                    "(x) runs in worker 1, which has no claim to it"
                ),
                Crime(
                    "no parent waits for a child that has ended",
                    "UPDATE jobs SET parent_id = 1001, parent_event = 'checkout' WHERE state = 'failed'",
                    "run 1001 waits for its child "
                ),
            ]
        ),
        Spree(
            promise: 2,
            crimes: [
                Crime(
                    "no checkpoint was written under an epoch that its run never had",
                    """
                    INSERT INTO checkpoints (job_id, generation, key, kind, value, epoch)
                    SELECT id, 0, 'forged', 0, '1', epoch + 1 FROM jobs WHERE id = 1000
                    """,
                    "checkpoint forged of run 1000 carries epoch "
                ),
                Crime(
                    "nothing was written to a run after its end",
                    "UPDATE jobs SET finished_at = NULL WHERE state = 'done'",
                    "(x) is done, and still has an end to come: finished_at is empty"
                ),
            ]
        ),
        Spree(
            promise: 3,
            crimes: [
                Crime(
                    "free + withheld + held + paying + sold = capacity in every tier",
                    """
                    ALTER TABLE tiers DROP CONSTRAINT tiers_balance;
                    UPDATE tiers SET free = free + 1 WHERE id = 'floor'
                    """,
                    "tier floor of on-sale 1: 99 + 0 + 2 + 0 + 0 of 100"
                ),
                Crime(
                    "a tier's held, paying and sold are the sums of its reservations",
                    "UPDATE tiers SET held = held - 1, free = free + 1 WHERE id = 'seated'",
                    "tier seated of on-sale 1: books 1 held 0 paying 0 sold, reservations 2 0 0"
                ),
                Crime(
                    "a numbered tier's books are the counts of its seats",
                    "UPDATE seats SET state = 'withheld' WHERE seat = (SELECT max(seat) FROM seats WHERE state = 'free')",
                    "tier seated of on-sale 1: the seats are 9 free, 1 withheld, 2 held"
                ),
                Crime(
                    "a taken seat and the reservation that lists it name each other and agree on the state",
                    "UPDATE seats SET reservation_id = 99 WHERE reservation_id IS NOT NULL",
                    "of on-sale 1 is held for reservation 99, and listed as held by 1001"
                ),
                Crime(
                    "no buyer has more tickets than a buyer may have",
                    "UPDATE reservation_rules SET max_per_buyer = 1",
                    "of on-sale 1 has 2 tickets of at most 1"
                ),
            ]
        ),
        Spree(
            promise: 4,
            crimes: [
                Crime(
                    "no reservation is held or paying more than 30 s after its deadline",
                    "UPDATE reservations SET expires_at = usher_now() - interval '31 s' WHERE id = 1000",
                    "reservation 1000 is held since "
                ),
                Crime(
                    "no reservation is held or paying whose run has ended",
                    "UPDATE jobs SET state = 'failed' WHERE id = 1000",
                    "reservation 1000 is held, its run is failed"
                ),
                Crime(
                    "each captured payment belongs to exactly one sold or refunded reservation, and is for its price",
                    """
                    INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency,
                        state, created_at, updated_at)
                    SELECT id, 1, on_sale_id, 'stray', 'm', total, currency, 'captured', held_at, held_at
                    FROM reservations WHERE id = 1000
                    """,
                    "payment stray is captured of 6000, its reservation is held"
                ),
                Crime(
                    "each sold reservation has a payment that is authorised or captured, each refunded one a refunded payment",
                    "UPDATE reservations SET state = 'sold', ended_at = held_at WHERE id = 1001",
                    "reservation 1001 is sold, its payment is missing"
                ),
                Crime(
                    "no payment has waited for a person for more than a day",
                    """
                    INSERT INTO payments (reservation_id, attempt, on_sale_id, reference, method, amount, currency,
                        state, detail, created_at, updated_at)
                    SELECT id, 2, on_sale_id, 'forgotten', 'm', total, currency, 'needs_person', 'closed account',
                        held_at, usher_now() - interval '25 h'
                    FROM reservations WHERE id = 1000
                    """,
                    "payment forgotten of reservation 1000 waits for a person since "
                ),
                Crime(
                    "a reservation has ended if and only if its ending has a time",
                    "UPDATE reservations SET ended_at = held_at WHERE id = 1000",
                    "reservation 1000 is held and ended at 2"
                ),
            ]
        ),
        Spree(
            promise: 5,
            crimes: [
                Crime(
                    "arrival numbers are issued without gaps",
                    "DELETE FROM places WHERE arrival = 14",
                    "on-sale 1: 15 numbers issued, 14 places, the last is 15"
                ),
                Crime(
                    "a buyer has one place",
                    """
                    DROP INDEX places_one_per_buyer;
                    UPDATE places SET buyer = (SELECT buyer FROM places WHERE arrival = 12) WHERE arrival = 13
                    """,
                    "on-sale 1: 2 places of one buyer, the first arrived as 12"
                ),
                Crime(
                    "no two places share a number, and late arrivals follow in order",
                    "UPDATE places SET number = 12 WHERE arrival = 13",
                    "on-sale 1: the place that arrived as 13 has number 12 of 10 drawn"
                ),
                Crime(
                    "turns follow each other up to the serving number",
                    "UPDATE on_sales SET serving = serving + 1",
                    "on-sale 1: serving is "
                ),
                Crime(
                    "a member of a group used a code of it, or was invited",
                    "UPDATE places SET group_ordinal = 1 WHERE arrival = 11",
                    "on-sale 1: the place that arrived as 11 belongs to group 1 without code or invitation"
                ),
                Crime(
                    "a draw is flagged with what it was made without",
                    "UPDATE draws SET flags = '{}'",
                    "on-sale 1: beacon none, its value missing, the secret there, but flagged {}"
                ),
                Crime(
                    "every draw can be computed again from what was published",
                    "UPDATE on_sales SET draw_secret = sha256('x')",
                    "on-sale os_1: the secret isn't what was committed to"
                ),
            ]
        ),
        Spree(
            promise: 6,
            crimes: [
                Crime(
                    "nobody was admitted before being called",
                    "UPDATE turns SET called_at = called_at + interval '1 hour'",
                    "admission 1 of on-sale 1: number "
                ),
                Crime(
                    "nobody came by a turn after the first before it was called",
                    """
                    INSERT INTO reoffers (on_sale_id, arrival, ordinal, kind, number, quantity, asked_at, settled_at,
                        came)
                    VALUES (1, 15, 1, 'missed', 15, 1, usher_now(), usher_now(), true)
                    """,
                    "on-sale 1: the place that arrived as 15 asked again at "
                ),
                Crime(
                    "a place has one session, and its number",
                    """
                    INSERT INTO admissions (on_sale_id, arrival, number, admitted_at, expires_at)
                    VALUES (1, 15, 15, usher_now(), usher_now())
                    """,
                    "admission 3 of on-sale 1: arrival 15, number 15, but the place has number "
                ),
                Crime(
                    "every reservation belongs to a session of its on-sale",
                    "UPDATE reservations SET admission_id = 99 WHERE id = 1000",
                    "reservation 1000 of on-sale 1: admission 99"
                ),
            ]
        ),
        Spree(
            promise: 7,
            crimes: [
                Crime(
                    "the audit's chain is unbroken",
                    "UPDATE audit_entries SET actor = 'nobody' WHERE ordinal = 1",
                    "on-sale 1: entry 1 (schedule by nobody)"
                )
            ]
        ),
    ]

    /// The lines that the program printed, each broken check with the rows that it names.
    private static func findings(_ output: String) -> [(head: String, rows: [String])] {
        var findings: [(head: String, rows: [String])] = []
        for line in output.split(separator: "\n").map(String.init) {
            if !line.hasPrefix(" ") {
                findings.append((line, []))
            } else if !findings.isEmpty {
                findings[findings.count - 1].rows.append(line)
            }
        }
        return findings
    }

    @Test func `Every check has its crime`() {
        let checks = EngineAudit.checks + RoomAudit.checks + StockAudit.checks
        let known = Set(Self.sprees.flatMap { spree in spree.crimes.map { "\(spree.promise) \($0.check)" } })
        #expect(Set(checks.map { "\($0.promise) \($0.name)" }).subtracting(known) == [])
    }

    @Test(arguments: sprees) func `A promise broken by hand is named with the row, and ends with status 1`(
        _ spree: Spree
    ) async throws {
        try await withDatabase { database in
            let sale = try await AuditedSale.seeded(in: database)
            let words = ["audit", "--database-url", database.url, "--schema", database.schema]
            let sound = try await BuiltProgram.run(words)
            #expect(sound.status == 0, "\(sound.output)\(sound.errors)")
            #expect(sound.output.split(separator: "\n").allSatisfy { $0.hasPrefix("ok     promise ") })
            #expect(sound.errors.isEmpty)

            for crime in spree.crimes { try await sale.run(crime.sql) }
            let broken = try await BuiltProgram.run(words)
            #expect(broken.status == 1)
            #expect(broken.errors.hasSuffix("checks found something broken\n"))
            let findings = Self.findings(broken.output)
            for crime in spree.crimes {
                let found = findings.first { $0.head == "BROKEN promise \(spree.promise): \(crime.check)" }
                let rows = try #require(found, "\(crime.check) went unnoticed:\n\(broken.output)").rows
                #expect(rows.contains { $0.contains(crime.row) }, "\(crime.check): \(rows)")
            }
        }
    }
}
