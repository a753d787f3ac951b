import Telemetry
import Testing

@Suite(.timeLimit(.minutes(5)))
struct MetricsRegistryTests {
    let registry = MetricsRegistry()

    @Test func `The same name and labels give the same metric, in any order`() {
        registry.counter("jobs_total", help: "Jobs.", labels: ["a": "1", "b": "2"]).increment()
        registry.counter("jobs_total", help: "Jobs.", labels: ["b": "2", "a": "1"]).increment(by: 2)
        #expect(
            registry.exposition()
                == "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total{a=\"1\",b=\"2\"} 3\n"
        )
    }

    @Test func `A gauge is set and moved`() {
        let gauge = registry.gauge("open", help: "Open.")
        gauge.set(2)
        gauge.add(-0.5)
        #expect(registry.exposition() == "# HELP open Open.\n# TYPE open gauge\nopen 1.5\n")
    }

    @Test func `Histogram buckets are cumulative and include their bound`() {
        let histogram = registry.histogram(
            "took_seconds",
            help: "Took.",
            labels: ["of": "x\"y"],
            bounds: [0.1, 1]
        )
        for value in [0.1, 0.5, 3] { histogram.observe(value) }
        histogram.observe(Duration.milliseconds(400))
        let lines = registry.exposition().split(separator: "\n").dropFirst(2)
        #expect(
            lines == [
                #"took_seconds_bucket{of="x\"y",le="0.1"} 1"#,
                #"took_seconds_bucket{of="x\"y",le="1"} 3"#,
                #"took_seconds_bucket{of="x\"y",le="+Inf"} 4"#,
                #"took_seconds_sum{of="x\"y"} 4"#,
                #"took_seconds_count{of="x\"y"} 4"#,
            ]
        )
    }

    @Test func `Families come by name`() {
        _ = registry.gauge("b", help: "B.")
        _ = registry.counter("a", help: "A.")
        #expect(registry.exposition().split(separator: "\n").map { $0.prefix(8) }.first == "# HELP a")
    }
}
