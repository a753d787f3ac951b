internal import EventLog
internal import Glibc
internal import Postgres
internal import Reactor

/// Tells the consumers of the event log everything anew, kills them meanwhile, and looks whether they come to the same.
struct DemoReplay: Sendable {
    /// What came of it.
    struct Outcome: Sendable {
        /// How many events the sale had.
        var events = 0
        /// The consumers that came to the same.
        var identical: [String] = []
        /// Processes that were killed while they were told.
        var kills = 0
        /// What is not as it was.
        var broken: [String] = []
    }

    /// How long a consumer has to come to the end of the log, beside the leases of those that were killed.
    private static let patience = Duration.seconds(120)
    private static let look = Duration.milliseconds(5)

    let house: House
    /// How many processes are killed while a consumer is told.
    let shots: Int
    let note: @Sendable (String) -> Void

    /// Replays every consumer that writes to this database, one after the other.
    ///
    /// - Throws: `PostgresError`.
    func run() async throws -> Outcome {
        var outcome = Outcome()
        outcome.events = try await house.postgres.query(
            Query("demo.events", "SELECT count(*) FROM facts")
        )[0][0]
        for consumer in EventsCommand.consumers where !consumer.tables.isEmpty {
            guard try await isTold(consumer.name) else {
                outcome.broken.append("\(consumer.name) does not come to the end of the events")
                continue
            }
            let before = try await ConsumerDigest.of(consumer, in: house.postgres)
            _ = try await FactCursors(postgres: house.postgres).replay(consumer, from: .beginning)
            outcome.kills += try await shoot(at: consumer.name)
            guard try await isTold(consumer.name) else {
                outcome.broken.append("\(consumer.name) does not come to the end of the events again")
                continue
            }
            if try await ConsumerDigest.of(consumer, in: house.postgres) == before {
                outcome.identical.append(consumer.name)
            } else {
                outcome.broken.append("\(consumer.name), told everything anew, came to something else")
            }
        }
        return outcome
    }

    /// Kills the process that tells it, in the middle of the log.
    private func shoot(at name: String) async throws -> Int {
        var kills = 0
        for _ in 0..<shots {
            let end = MonotonicTime.now + Self.patience
            while MonotonicTime.now < end {
                guard let view = try await view(of: name) else { break }
                // One that has been told some of it, or at least begins.
                if view.parts.contains(where: { $0.holder != nil && $0.behind > 0 }) {
                    let running = await house.supervisor.running()
                    if let pid = running.first(where: { $0.key.group == House.GroupName.consumers })?.value,
                        kill(pid, SIGKILL) == 0
                    {
                        kills += 1
                        note("chaos: SIGKILL for the consumers, process \(pid), while \(name) is told anew")
                    }
                    break
                }
                if view.parts.allSatisfy({ $0.behind == 0 }) { break }
                try await Task.sleep(for: Self.look)
            }
        }
        return kills
    }

    /// Waits until a consumer was told of everything.
    private func isTold(_ name: String) async throws -> Bool {
        let end = MonotonicTime.now + Self.patience
        while MonotonicTime.now < end {
            if let view = try await view(of: name), view.parts.allSatisfy({ $0.behind == 0 }) { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    private func view(of name: String) async throws -> ConsumerView? {
        try await ConsumerView.all(in: house.postgres).first { $0.name == name }
    }
}
