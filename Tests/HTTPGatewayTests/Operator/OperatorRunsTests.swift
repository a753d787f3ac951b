import HTTP
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice
@testable import HTTPGateway

/// What operators see of runs and jobs, and do with them.
@Suite(.timeLimit(.minutes(5)))
struct OperatorRunsTests {
    private func ids(_ answer: Answer, _ list: String = "runs") -> [String] {
        answer[list]?.array?.compactMap { $0["id"]?.string ?? $0["id"]?.int.map { "\($0)" } } ?? []
    }

    @Test func `A failed run is found, read, retried and done`() async throws {
        try await withParcels { house, van in
            let run = try await house.deliver(1)
            let waiting = try await house.deliver(2, waits: true)
            let failed = try await house.wait(for: run, "failed")
            try await house.wait(for: waiting, "waiting")
            for query in [
                "state=failed", "workflow=delivery&state=failed", "text=VAN%20does", "attribute=parcel%3D1",
            ] {
                #expect(ids(try await house.operate(.get, "runs?\(query)")) == ["\(run)"], "\(query)")
            }
            #expect(ids(try await house.operate(.get, "runs?parent=\(run)")).count == 1)
            let marks = failed["timeline"]?.array ?? []
            #expect(marks.first?["label"]?.string == "weigh")
            let child = marks.first { $0["kind"]?.string == "child" }
            #expect(child?["runs"]?.array?.count == 1, "\(failed)")
            #expect(failed["run"]?["error"]?.string?.contains("the van does not start") == true)
            #expect(failed["attributes"]?.array?.first?["name"]?.string == "parcel")
            #expect(failed["children"]?.array?.first?["workflow"]?.string == "wrapping")

            van.isReady = true
            let retried = try await house.operate(.post, "runs/\(run)/retry")
            #expect(retried.status == 200, "\(retried)")
            let done = try await house.wait(for: run, "done")
            #expect(done["output"]?.string == "\"delivered 1\"")
            let again = try await house.operate(.post, "runs/\(run)/retry")
            #expect(again.status == 409 && again.code == "wrong_state", "\(again)")
            #expect(try await house.actions() == ["run_retry"])
        }
    }

    @Test func `Runs are paused, resumed, cancelled and forked, and each is chained`() async throws {
        try await withParcels { house, van in
            let run = try await house.deliver(1, waits: true)
            try await house.wait(for: run, "waiting")
            #expect(try await house.operate(.post, "runs/\(run)/pause").status == 200)
            try await house.wait(for: run, "paused")
            #expect(try await house.operate(.post, "runs/\(run)/pause").code == "wrong_state")
            #expect(try await house.operate(.post, "runs/\(run)/resume").status == 200)
            try await house.wait(for: run, "waiting")

            let refused = try await house.operate(.post, "runs/\(run)/fork", #"{"from": "nowhere"}"#)
            #expect(
                refused.status == 409 && refused["detail"]?.string?.contains("weigh") == true,
                "\(refused)"
            )
            let forked = try await house.operate(.post, "runs/\(run)/fork", #"{"from": "weigh"}"#)
            #expect(forked.status == 201, "\(forked)")
            let fork = try #require(forked["id"]?.string)
            let found = try await house.operate("runs?attribute=forked_from%3D\(run)") { !ids($0).isEmpty }
            #expect(ids(found) == [fork])

            #expect(try await house.operate(.post, "runs/\(run)/cancel").status == 200)
            let cancelled = try await house.wait(for: run, "cancelled")
            #expect(cancelled["run"]?["error"]?.string == "cancelled by operator:test")
            #expect(try await house.actions() == ["run_pause", "run_resume", "run_fork", "run_cancel"])
            let checks = RoomAudit.checks.filter { $0.promise == 7 }
            for check in checks { #expect(try await check.offenders(in: house.database.client) == []) }
        }
    }

    @Test func `Nobody but an operator sees or steers a run, and what is unknown is said`() async throws {
        try await withParcels { house, _ in
            let run = try await house.deliver(1, waits: true)
            for path in [
                "runs", "runs/\(run)", "jobs", "dead-letters", "audit", "locks", "tables", "actions",
            ] {
                let promoter = try await house.send(.get, "/v1/operator/\(path)", token: house.promoterKey)
                #expect(promoter.status == 403, "\(path)")
                #expect(try await house.send(.get, "/v1/operator/\(path)").status == 401, "\(path)")
            }
            for path in ["runs/\(run)/cancel", "bulk/count", "jobs/\(run)/cancel"] {
                let promoter = try await house.send(
                    .post,
                    "/v1/operator/\(path)",
                    "{}",
                    token: house.promoterKey
                )
                #expect(promoter.status == 403, "\(path)")
            }
            for path in ["runs/999999", "runs/x", "runs/-1", "jobs/0"] {
                #expect(try await house.operate(.get, path).code == "unknown_job", "\(path)")
            }
            #expect(try await house.operate(.post, "runs/999999/retry").code == "unknown_job")
            #expect(try await house.operate(.post, "runs/\(run)/fork", "{}").code == "invalid_fields")
            for query in ["state=lost", "attribute=x", "parent=x", "after=x", "limit=0"] {
                #expect(try await house.operate(.get, "runs?\(query)").code == "bad_parameter", "\(query)")
            }
            #expect(try await house.operate(.get, "jobs?state=lost").code == "bad_parameter")
            #expect(try await house.actions() == [])
        }
    }

    @Test func `A list that has looked through enough says where to look on`() async throws {
        try await withParcels { house, _ in
            let run = try await house.deliver(1, waits: true)
            try await house.wait(for: run, "waiting")
            // Sixty thousand plain jobs that are over lie above the run.
            try await house.database.client.execute(
                Query(
                    "test.many",
                    """
                    INSERT INTO jobs (id, name, home_queue, queue, state, input, finished_at)
                    SELECT nextval('job_ids'), 'old', 'parcels', 'parcels', 'cancelled', '{}', now()
                    FROM generate_series(1, 60000)
                    """
                )
            )
            let first = try await house.operate(.get, "runs?workflow=delivery")
            #expect(ids(first) == [], "\(first)")
            let next = try #require(first["next"]?.string)
            let second = try await house.operate(.get, "runs?workflow=delivery&after=\(next)")
            #expect(ids(second) == ["\(run)"] && second["next"] == .null, "\(second)")
        }
    }

    @Test func `An order to many is counted first and changes what was counted`() async throws {
        try await withParcels { house, van in
            var runs: [JobID] = []
            for number in 0..<5 { runs.append(try await house.deliver(number)) }
            for run in runs { try await house.wait(for: run, "failed") }
            let order = #""action": "retry", "workflow": "delivery", "text": "van""#
            let count = try await house.operate(.post, "bulk/count", "{\(order)}")
            #expect(count["count"]?.int == 5 && count["more"]?.bool == false, "\(count)")
            let token = try #require(count["token"]?.string)
            // One that fails after the count is not meant.
            let late = try await house.deliver(9)
            try await house.wait(for: late, "failed")
            for wrong in [
                "{\(order), \"count\": 4, \"token\": \"\(token)\"}",
                "{\"action\": \"cancel\", \"count\": 5, \"token\": \"\(token)\"}",
                "{\(order), \"count\": 5, \"token\": \"x\"}",
            ] {
                #expect(try await house.operate(.post, "bulk", wrong).code == "wrong_count", "\(wrong)")
            }
            van.isReady = true
            let done = try await house.operate(
                .post,
                "bulk",
                "{\(order), \"count\": 5, \"token\": \"\(token)\"}"
            )
            #expect(done["matched"]?.int == 5 && done["changed"]?.int == 5, "\(done)")
            for run in runs { try await house.wait(for: run, "done") }
            try await house.wait(for: late, "failed")
            let actions = try await house.operate(.get, "actions")
            let detail = actions["actions"]?.array?.first?["detail"]
            #expect(detail?["changed"]?.int == 5 && detail?["workflow"]?.string == "delivery", "\(actions)")
            for wrong in [
                #"{"action": "burn"}"#, #"{"action": "retry", "queue": "x"}"#,
                #"{"action": "redrive", "workflow": "x"}"#,
            ] {
                #expect(
                    try await house.operate(.post, "bulk/count", wrong).code == "invalid_fields",
                    "\(wrong)"
                )
            }
        }
    }

    @Test func `Dead letters are listed and redriven, one and many`() async throws {
        try await withParcels { house, van in
            let store = JobStore(postgres: house.database.client)
            for number in 0..<4 { _ = try await store.enqueue([NewJob(Stamp.self, number)]) }
            let letters = try await house.operate("dead-letters?queue=parcels&kind=failed") {
                ids($0, "dead_letters").count == 4
            }
            #expect(letters["dead_letters"]?.array?.first?["reason"]?.string?.contains("van") == true)
            let newest = try #require(ids(letters, "dead_letters").first)
            let page = try await house.operate(.get, "dead-letters?limit=3")
            #expect(page["next"]?.string == ids(page, "dead_letters").last)
            let failed = try await house.operate(.get, "jobs?state=failed&name=stamp")
            #expect(ids(failed, "jobs").count == 4)
            let job = try await house.operate(.get, "jobs/\(newest)")
            #expect(job["dead_letter"]?["kind"]?.string == "failed", "\(job)")
            let queues = try await house.operate(.get, "queues")
            let queue = queues["queues"]?.array?.first { $0["name"]?.string == "parcels" }
            #expect(queue?["dead_letters"]?.int == 4 && queue?["failed_last_minute"]?.int == 4, "\(queues)")

            van.isReady = true
            #expect(try await house.operate(.post, "jobs/\(newest)/retry").status == 200)
            _ = try await house.operate("jobs/\(newest)") { $0["standing"]?.string == "done" }
            let order = #""action": "redrive", "queue": "parcels""#
            let count = try await house.operate(.post, "bulk/count", "{\(order)}")
            #expect(count["count"]?.int == 3, "\(count)")
            let token = try #require(count["token"]?.string)
            let done = try await house.operate(
                .post,
                "bulk",
                "{\(order), \"count\": 3, \"token\": \"\(token)\"}"
            )
            #expect(done["changed"]?.int == 3, "\(done)")
            _ = try await house.operate("jobs?name=stamp&state=done") { ids($0, "jobs").count == 4 }
            #expect(try await house.actions() == ["run_retry", "bulk"])
        }
    }
}
