internal import BoxOffice
internal import Postgres
internal import Reactor
internal import Telemetry

/// Measures how this gateway keeps up, and reports it, so that fewer are called while it doesn't.
final class HealthMeter: Sendable {
    private struct Window {
        var holds: [Duration] = []
        var answers = 0
        var failures = 0
    }

    /// A window is as long.
    private static let pause = Duration.seconds(5)
    /// A hold beyond these changes the measure little.
    private static let keptAtMost = 20_000

    private let postgres: PostgresClient
    private let logger: Logger
    private let name = Hex.encode(SecureBytes.random(8))
    private let window = Lock(Window())

    init(postgres: PostgresClient, logger: Logger) {
        self.postgres = postgres
        self.logger = logger
    }

    /// Takes in one answer.
    func count(_ call: String, status: Int, took: Duration) {
        window.withLock { window in
            window.answers += 1
            if status >= 500 { window.failures += 1 }
            if call == "reserve", window.holds.count < Self.keptAtMost { window.holds.append(took) }
        }
    }

    /// What was measured since the last time.
    func take(poolWait: Duration) -> GatewayReport {
        let taken = window.withLock { window in
            defer { window = Window() }
            return window
        }
        let sorted = taken.holds.sorted()
        return GatewayReport(
            holds: sorted.count,
            holdP95: sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, sorted.count * 95 / 100)],
            answers: taken.answers,
            failures: taken.failures,
            poolWait: poolWait
        )
    }

    /// Reports again and again until the task is cancelled.
    func run() async {
        // How long a report takes is how long anyone waits for a connection and the shortest of statements.
        var wait = Duration.zero
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.pause)
            let report = take(poolWait: wait)
            let began = MonotonicTime.now
            do {
                try await report.write(from: name, in: postgres)
            } catch  where !Task.isCancelled {
                logger.warning("could not report how the gateway is doing", ["error": "\(error)"])
            } catch {
                return
            }
            wait = .now - began
        }
    }
}
