import Jobs
import Postgres
import Reactor
import Telemetry
import Testing
import TestSupport
import Workflows

/// What jobs return, and what they say while they run.
@Suite(.timeLimit(.minutes(5)))
struct JournalTests {
    private struct Resize: Job {
        static let name = "resize"
        struct Size: Codable { let width: Int }

        func perform(_ context: JobContext, _ width: Int) async throws -> Size {
            context.progress(0.4, "reading")
            context.log(.info, "read", ["bytes": 1200])
            context.log(.warning, "no profile")
            context.progress(7, "written")
            return Size(width: width / 2)
        }
    }

    @Test func `A job's output, progress and log are kept with it`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var registry = WorkflowRegistry()
            registry.register(Resize())
            let id = try await desk.enqueue(Resize.self, 80)
            let ended = try await withWorker(database, registry) { _ in try await database.ended(id) }
            #expect(ended.state == .done)
            #expect(ended.output?.text == "{\"width\": 40}")
            let progress = try await desk.store.progress(of: id)
            #expect(progress?.fraction == 1)
            #expect(progress?.message == "written")
            let log = try await desk.store.log(of: id)
            #expect(log.map(\.message) == ["read", "no profile"])
            #expect(log.map(\.level) == ["info", "warning"])
            #expect(log.map(\.attempt) == [1, 1])
            #expect(log.map { $0.fields?.text } == ["{\"bytes\": \"1200\"}", nil])
            #expect(try await desk.store.log(of: id, after: log[0].ordinal).map(\.message) == ["no profile"])
        }
    }

    /// Returns what it was given, or something that Postgres has no place for.
    private struct Echo: Job {
        static let name = "echo"

        func perform(_ context: JobContext, _ text: String) async throws -> String {
            if text == "garbled" { throw JobVerdict.discard("no\0pe") }
            return text == "unkeepable" ? "no\0pe" : text
        }
    }

    @Test func `An end that can't be kept fails its job and costs its neighbours nothing`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var registry = WorkflowRegistry()
            registry.register(Echo())
            var ids: [String: JobID] = [:]
            for text in ["a", "b", "unkeepable", "c", "garbled", "d"] {
                ids[text] = try await desk.enqueue(Echo.self, text)
            }
            let jobs = try await withWorker(database, registry) { _ in
                var jobs: [String: JobRecord] = [:]
                for (text, id) in ids { jobs[text] = try await database.ended(id) }
                return jobs
            }
            for text in ["a", "b", "c", "d"] {
                #expect(jobs[text]?.state == .done)
                #expect(jobs[text]?.output?.text == "\"\(text)\"")
            }
            #expect(jobs["unkeepable"]?.state == .failed)
            #expect(jobs["unkeepable"]?.error?.hasPrefix("its end can't be kept") == true)
            #expect(jobs["garbled"]?.state == .failed)
            #expect(jobs["garbled"]?.error?.contains("no\u{FFFD}pe") == true)
        }
    }

    private struct Quiet: Job {
        static let name = "quiet"
        func perform(_ context: JobContext, _ input: Int) async throws {}
    }

    @Test func `A job that returns and says nothing leaves no row of its own`() async throws {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var registry = WorkflowRegistry()
            registry.register(Quiet())
            let id = try await desk.enqueue(Quiet.self, 1)
            #expect(
                try await withWorker(database, registry) { _ in try await database.ended(id) }.state == .done
            )
            let stored: String = try await database.client.query(
                Query("t", "SELECT state::text FROM jobs WHERE id = \(id.rawValue)")
            )[0][0]
            #expect(stored == "queued")
            #expect(try await database.count("job_logs") == 0)
            #expect(try await database.count("job_progress") == 0)
        }
    }

    @Test func `Progress and logs go with their range of jobs`() async throws {
        try await withDatabase { database in
            func parts() async throws -> [String] {
                try await database.client.query(
                    Query(
                        "t",
                        """
                        SELECT relname::text FROM pg_class
                        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
                            AND (relname LIKE 'job\\_logs\\_%' OR relname LIKE 'job\\_progress\\_%')
                        ORDER BY 1
                        """
                    )
                ).map { try $0[0] }
            }
            #expect(try await parts() == ["job_logs_0", "job_logs_1", "job_progress_0", "job_progress_1"])
            try await database.create("SELECT setval('job_ids', 2 * job_range_size())")
            try await database.create("SELECT extend_job_ranges(), ensure_journal_ranges()")
            try await database.shiftClock(3600)
            try await database.create("SELECT drop_job_ranges(interval '1 second')")
            try await database.create("SELECT drop_journal_ranges()")
            #expect(try await parts() == ["job_logs_2", "job_logs_3", "job_progress_2", "job_progress_3"])
        }
    }
}
