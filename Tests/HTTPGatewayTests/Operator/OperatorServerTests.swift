import HTTP
import Jobs
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// What operators see of the server, of schedules and of the promises.
@Suite(.timeLimit(.minutes(5)))
struct OperatorServerTests {
    @Test func `A session that holds an old snapshot is named, and who stands in whose way`() async throws {
        try await withGateway { house in
            let culprit = house.database.makeClient(.init(maximum: 1))
            let victim = house.database.makeClient(.init(maximum: 1))
            try await culprit.withTransaction(.init(isolation: .repeatableRead)) { tx in
                let pid: Int32 = try await tx.query(Query("test.pin", "SELECT pg_backend_pid()"))[0][0]
                _ = try await tx.query(Query("test.lock", "SELECT FROM clock FOR UPDATE"))
                let snapshots = try await house.operate(.get, "snapshots")
                let session = snapshots["sessions"]?.array?.first { $0["pid"]?.int == Int64(pid) }
                #expect(session?["query"]?.string?.contains("FOR UPDATE") == true, "\(snapshots)")
                #expect(session?["state"]?.string == "idle in transaction")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await victim.execute(
                            Query("test.wait", "UPDATE clock SET shift = shift WHERE true")
                        )
                    }
                    let locks = try await house.operate("locks") { answer in
                        answer["waiting"]?.array?.contains {
                            $0["blockers"]?.array?.contains { $0["pid"]?.int == Int64(pid) } == true
                        } == true
                    }
                    let queries = locks["waiting"]?.array?.compactMap { $0["query"]?.string } ?? []
                    #expect(queries.contains { $0.contains("UPDATE clock") }, "\(locks)")
                    try await tx.execute(Query("test.end", "ROLLBACK"))
                    try await group.waitForAll()
                }
            }
            await culprit.shutdown()
            await victim.shutdown()
        }
    }

    @Test
    func `Tables show their partitions and sizes, replicas are listed, and schedules are held and let go`()
        async throws
    {
        try await withGateway { house in
            let tables = try await house.operate(.get, "tables")
            let jobs = tables["tables"]?.array?.first { $0["name"]?.string == "jobs" }
            #expect(jobs?["partitions"]?.array?.count == 2, "\(tables)")
            #expect((jobs?["bytes"]?.int ?? 0) > 0)
            #expect(try await house.operate(.get, "replicas")["replicas"]?.array == [])

            let recurrence = Recurrence(
                name: "sweep",
                jobName: "sweep",
                input: JSONB(text: "{}"),
                every: .seconds(3600)
            )
            try await recurrence.save(on: house.database.client)
            #expect(try await house.operate(.post, "schedules/sweep/pause")["paused"]?.bool == true)
            let schedules = try await house.operate(.get, "schedules")
            let sweep = schedules["schedules"]?.array?.first
            #expect(sweep?["paused"]?.bool == true && sweep?["every_seconds"]?.int == 3600, "\(schedules)")
            #expect(try await house.operate(.post, "schedules/sweep/resume").status == 200)
            #expect(try await house.operate(.post, "schedules/none/pause").code == "unknown_schedule")
            #expect(try await house.actions() == ["schedule_pause", "schedule_resume"])
        }
    }

    @Test func `Every promise has a light, and a broken one names its offenders`() async throws {
        try await withGateway { house in
            _ = try await house.schedule()
            func lights(until isReached: (JSONValue) -> Bool) async throws -> [JSONValue] {
                try await house.operate("audit") { answer in
                    answer["lights"]?.array?.allSatisfy(isReached) == true
                }["lights"]?.array ?? []
            }
            let first = try await lights { $0["looked_at"]?.string != nil }
            #expect(first.count == PromiseChecks.names.count)
            for light in first { #expect(light["state"]?.string == "kept", "\(light)") }
            // Nobody looks again within the minute: the look of now is that of before.
            #expect(try await lights { _ in true } == first)

            let database = house.database.client
            try await database.execute(
                Query("test.crime", "UPDATE tiers SET free = free - 1, sold = sold + 1")
            )
            try await AuditLights(postgres: database, interval: .zero).look()
            let broken = try await lights { _ in true }.filter { $0["state"]?.string == "broken" }
            #expect(
                broken.contains { $0["name"]?.string?.contains("are the sums of its reservations") == true },
                "\(broken)"
            )
            #expect(broken.first?["offenders"]?.array?.isEmpty == false)
        }
    }

    @Test func `A look that takes too long is not a broken promise, and says so`() async throws {
        try await withDatabase { database in
            let lights = AuditLights(
                postgres: database.client,
                interval: .zero,
                limit: .milliseconds(20),
                entries: -1
            )
            let gate = database.makeClient(.init(maximum: 1))
            // Nobody can read the jobs.
            try await gate.withTransaction { tx in
                try await tx.execute(Query("test.gate", "LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
                try await lights.look()
            }
            await gate.shutdown()
            let found = try await lights.read()
            let ready = found.first { $0.name == "every ready job can be claimed" }
            #expect(ready?.offenders == nil && ready?.problem?.contains("takes longer") == true)
            #expect(ready?.lookedAt != nil)
            let draws = found.first { $0.name == PromiseChecks.draws.name }
            #expect(draws?.offenders == nil && draws?.problem?.contains("too many") == true)
        }
    }
}
