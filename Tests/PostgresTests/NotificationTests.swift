import Postgres
import TestSupport
import Testing

@Suite("LISTEN", .timeLimit(.minutes(5)))
struct NotificationTests {
    @Test func `notifications arrive in order, and after the connection was cut`() async throws {
        try await withEmptyDatabase { database in
            let channel = database.schema + " It's"
            func notify(_ payload: String) async throws {
                try await database.client.execute(Query("notify", "SELECT pg_notify(\(channel), \(payload))"))
            }
            var events = database.client.listen([channel, "other"]).makeAsyncIterator()
            #expect(await events.next() == .reconnected)
            try await notify("a")
            try await notify("")
            #expect(await events.next() == .notification(channel: channel, payload: "a"))
            #expect(await events.next() == .notification(channel: channel, payload: ""))
            let kill = Query(
                "kill",
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = \(database.schema) AND query LIKE 'LISTEN%'
                """
            )
            #expect(try await database.client.query(kill).count == 1)
            #expect(await events.next() == .reconnected)
            try await notify("b")
            #expect(await events.next() == .notification(channel: channel, payload: "b"))
        }
    }

    @Test func `listening ends with its task`() async throws {
        try await withEmptyDatabase { database in
            let (started, signal) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                var heard: [NotificationEvent] = []
                for await event in database.client.listen([database.schema]) {
                    heard.append(event)
                    signal.yield()
                }
                return heard
            }
            for await _ in started { break }
            task.cancel()
            #expect(await task.value == [.reconnected])
            let listeners = Query(
                "listeners",
                "SELECT 1 FROM pg_stat_activity WHERE application_name = \(database.schema) AND query LIKE 'LISTEN%'"
            )
            while try await !database.client.query(listeners).isEmpty { await Task.yield() }
        }
    }
}
