import Foundation
import HTTP
import Jobs
import Postgres
import Telemetry
import TestSupport
import Testing

@testable import HTTPGateway

/// What whoever runs Usher watches: the metrics, the alerts that go by them, and the dashboard.
@Suite(.timeLimit(.minutes(5)))
struct MetricsTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The metrics that a text names, without what a histogram adds to them.
    private static func names(_ text: String) -> Set<String> {
        Set(
            text.matches(of: #/usher_[a-z_]+/#).map { match in
                String(match.output).replacing(#/_(bucket|count|sum)$/#, with: "")
            }
        )
    }

    /// Those that docs/metrics.md has a row for.
    private static func documented() throws -> Set<String> {
        Set(
            try text("docs/metrics.md").matches(of: #/(?m)^\| `(usher_[a-z_]+)`/#).map { String($0.output.1) }
        )
    }

    @Test func `Queues, pools and transactions have their figures, and what is gone is nothing`() async throws
    {
        try await withDatabase { database in
            let client = database.client
            let store = JobStore(postgres: client)
            try await store.ensureQueue("idle", lanes: 1)
            _ = try await store.enqueue([NewJob(name: "thing", queue: "idle", input: JSONB(text: "{}"))])
            try await store.pause(queue: "idle")
            try await client.simple(
                """
                INSERT INTO pools (name, queues, wanted) VALUES ('outside', '{idle}', 3);
                UPDATE clock SET shift = shift + interval '40 seconds';
                """
            )
            let metrics = MetricsRegistry()
            let meter = EngineMeter(
                postgres: client,
                metrics: metrics,
                logger: Logger(label: "test", level: .error)
            )
            try await meter.refresh()
            let text = metrics.exposition()
            #expect(text.contains(#"usher_queue_paused{queue="idle"} 1"#), "\(text)")
            #expect(text.contains(#"usher_queue_dead_letters{queue="idle"} 0"#))
            #expect(text.contains(#"usher_pool_wanted_workers{pool="outside"} 3"#))
            let age = try #require(
                text.firstMatch(of: #/usher_queue_oldest_ready_seconds\{queue="idle"\} ([0-9.]+)/#)
            )
            #expect((Double(age.output.1) ?? 0) >= 40)
            try await store.resume(queue: "idle")
            try await client.simple("DELETE FROM pools")
            try await meter.refresh()
            let later = metrics.exposition()
            #expect(later.contains(#"usher_queue_paused{queue="idle"} 0"#), "\(later)")
            #expect(later.contains(#"usher_pool_wanted_workers{pool="outside"} 0"#))
        }
    }

    @Test func `A gateway's metrics are as Prometheus wants them, and each is written about`() async throws {
        try await withGateway { house in
            let id = try await house.schedule()
            _ = try await house.join(id)
            // Its meters look once at the beginning.
            var text = ""
            while !text.contains("usher_queue_ready_jobs{") || !text.contains("usher_payment_cases_open") {
                let page = try await house.client.send(HTTPRequest(.get, "/metrics"), to: house.admin)
                text = String(decoding: page.body, as: UTF8.self)
                try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.05)"))
            }
            let file = FileManager.default.temporaryDirectory.appending(path: "usher-metrics-\(UUID())")
            try text.write(to: file, atomically: false, encoding: .utf8)
            // What stays lies in the system's directory for such things, and is no matter of this test.
            defer { try? FileManager.default.removeItem(at: file) }
            let checked = try await SystemProgram.run(
                "sh",
                ["-c", "promtool check metrics < '\(file.path)'"]
            )
            #expect(checked.status == 0 && checked.text.isEmpty, "\(checked.text)")
            let families = Set(text.matches(of: #/(?m)^# TYPE (usher_[a-z_]+) /#).map { String($0.output.1) })
            #expect(try families.subtracting(Self.documented()) == [])
            #expect(families.count > 20)
        }
    }

    @Test func `Each alert is raised by what it is about, and has its page and its metrics`() async throws {
        let place = Self.root.appending(path: "deploy/prometheus").path
        for words in [
            ["check", "rules", "\(place)/rules.yml"], ["test", "rules", "\(place)/rules_test.yml"],
        ] {
            let result = try await SystemProgram.run("promtool", words)
            #expect(result.status == 0 && result.text.contains("SUCCESS"), "\(result.text)")
        }
        let rules = try Self.text("deploy/prometheus/rules.yml")
        let alerts = rules.matches(of: #/- alert: (\w+)/#).map { String($0.output.1) }
        let pages = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "docs/runbooks").path
        )
        #expect(Set(alerts.map { "\($0).md" } + ["README.md"]) == Set(pages))
        let index = try Self.text("docs/runbooks/README.md")
        let tried = try Self.text("deploy/prometheus/rules_test.yml")
        let documented = try Self.documented()
        for alert in alerts {
            #expect(index.contains("[\(alert)](\(alert).md)") && tried.contains("alertname: \(alert)\n"))
            #expect(rules.contains("runbook: docs/runbooks/\(alert).md"))
            let names = Self.names(try Self.text("docs/runbooks/\(alert).md"))
            #expect(names.subtracting(documented) == [], "\(alert)")
        }
        #expect(Self.names(rules).subtracting(documented) == [])
    }

    @Test func `The dashboard draws metrics that there are`() throws {
        let text = try Self.text("deploy/grafana/usher.json")
        let panels = try #require(try JSONValue(parsing: Array(text.utf8))["panels"]?.array)
        let expressions = panels.flatMap { $0["targets"]?.array ?? [] }.compactMap { $0["expr"]?.string }
        #expect(expressions.count > 20)
        let documented = try Self.documented()
        for expression in expressions {
            let names = Self.names(expression)
            #expect(!names.isEmpty && names.subtracting(documented) == [], "\(expression)")
        }
    }
}
