internal import HTTP

/// One figure that a bench found, as one line of JSON.
struct BenchFigure: Sendable {
    let bench: String
    /// What is counted, as in `jobs/s`.
    let unit: String
    /// What was run, in words and numbers.
    let config: String
    /// What tells it from the bench's other figures, as in `clients`.
    var labels: [JSONValue.Member] = []
    /// The figure itself, once per run.
    var runs = Samples()
    /// The floor's, measured beside each run.
    var floor = Samples()
    /// What else was measured: each name with its median.
    private(set) var others: [(name: String, samples: Samples)] = []

    init(_ bench: String, unit: String, config: String, labels: [JSONValue.Member] = []) {
        self.bench = bench
        self.unit = unit
        self.config = config
        self.labels = labels
    }

    /// Adds one run's measurement under a name; nothing when there is none.
    mutating func add(_ name: String, _ value: Double?) {
        guard let value else { return }
        if let index = others.firstIndex(where: { $0.name == name }) {
            others[index].samples.add(value)
        } else {
            others.append((name, [value]))
        }
    }

    /// Adds what a piece of work cost the server per unit.
    mutating func add(_ usage: ServerUsage, per units: Int, prefix: String = "") {
        let units = Double(max(1, units))
        add("\(prefix)wal_bytes_per_unit", Double(usage.walBytes) / units)
        add("\(prefix)server_cpu_us_per_unit", usage.cpuSeconds.map { $0 * 1_000_000 / units })
        add("\(prefix)foreign_cpu_share", usage.load.foreignShare)
    }

    /// Adds the percentiles of how long something took.
    mutating func add(_ latencies: LatencyHistogram, prefix: String = "") {
        add("\(prefix)p50_ms", latencies.percentile(0.5))
        add("\(prefix)p99_ms", latencies.percentile(0.99))
        add("\(prefix)p999_ms", latencies.percentile(0.999))
    }

    /// How far ours is from the floor: the ratio of the medians.
    var ratio: Double? {
        guard let ours = runs.median, let floor = floor.median, floor > 0 else { return nil }
        return ours / floor
    }

    /// The line.
    func json(postgres version: String) -> String {
        let bytes = JSONWriter.object { json in
            json.field("bench", bench)
            json.field("unit", unit)
            json.field("config", config)
            for label in labels { json.field(label.name, label.value) }
            Self.write("median", runs.median, to: &json)
            Self.write("min", runs.minimum, to: &json)
            Self.write("max", runs.maximum, to: &json)
            Self.write("floor_median", floor.median, to: &json)
            Self.write("ratio", ratio, to: &json)
            for (name, samples) in others { Self.write(name, samples.median, to: &json) }
            json.field("runs", runs.values.count)
            json.field("postgres", version)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ name: String, _ value: Double?, to json: inout JSONWriter) {
        guard let value else { return }
        json.field(name, (value * 1000).rounded() / 1000)
    }
}
