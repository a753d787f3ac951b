internal import Reactor

/// The metrics of a process, and their text for Prometheus.
///
/// Asking twice for the same name and labels gives the same metric; keep it rather than ask in a hot path.
public final class MetricsRegistry: Sendable {
    private enum Metric {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)

        var kind: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Family {
        let help: String
        var members: [(labels: String, metric: Metric)] = []
    }

    private let families = Lock<[String: Family]>([:])

    /// Makes an empty registry.
    public init() {}

    /// The counter of a name and labels, made when there is none yet.
    ///
    /// - Parameters:
    ///   - name: such as `usher_jobs_completed_total`.
    ///   - help: one line that says what is counted.
    ///   - labels: what sets this one apart from others of the name.
    /// - Returns: the one counter of that name and those labels.
    public func counter(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Counter
    {
        guard case .counter(let counter) = metric(name, help, labels, { .counter(Counter()) }) else {
            preconditionFailure("\(name) is not a counter")
        }
        return counter
    }

    /// The gauge of a name and labels, made when there is none yet.
    ///
    /// - Parameters:
    ///   - name: such as `usher_connections`.
    ///   - help: one line that says what is measured.
    ///   - labels: what sets this one apart from others of the name.
    /// - Returns: the one gauge of that name and those labels.
    public func gauge(_ name: String, help: String, labels: KeyValuePairs<String, String> = [:]) -> Gauge {
        guard case .gauge(let gauge) = metric(name, help, labels, { .gauge(Gauge()) }) else {
            preconditionFailure("\(name) is not a gauge")
        }
        return gauge
    }

    /// The histogram of a name and labels, made when there is none yet.
    ///
    /// - Parameters:
    ///   - name: such as `usher_request_seconds`.
    ///   - help: one line that says what is measured.
    ///   - labels: what sets this one apart from others of the name.
    ///   - bounds: the upper bounds of its buckets, ascending; used when it is made.
    /// - Returns: the one histogram of that name and those labels.
    public func histogram(
        _ name: String,
        help: String,
        labels: KeyValuePairs<String, String> = [:],
        bounds: [Double] = Histogram.seconds
    ) -> Histogram {
        guard
            case .histogram(let histogram) = metric(
                name,
                help,
                labels,
                { .histogram(Histogram(bounds: bounds)) }
            )
        else {
            preconditionFailure("\(name) is not a histogram")
        }
        return histogram
    }

    /// All metrics in the Prometheus text format, by name.
    ///
    /// Source: Prometheus, "Exposition formats", text format 0.0.4.
    public func exposition() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            guard let kind = family.members.first?.metric.kind else { continue }
            text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(kind)\n"
            for (labels, metric) in family.members.sorted(by: { $0.labels < $1.labels }) {
                switch metric {
                case .counter(let counter): text += "\(name)\(Self.braced(labels)) \(counter.value)\n"
                case .gauge(let gauge): text += "\(name)\(Self.braced(labels)) \(Self.number(gauge.value))\n"
                case .histogram(let histogram): text += Self.lines(of: histogram.snapshot, name, labels)
                }
            }
        }
        return text
    }

    private func metric(
        _ name: String,
        _ help: String,
        _ labels: KeyValuePairs<String, String>,
        _ make: () -> Metric
    ) -> Metric {
        let labels = labels.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escaped($0.value))\"" }
            .joined(separator: ",")
        return families.withLock { families in
            if let known = families[name]?.members.first(where: { $0.labels == labels }) {
                return known.metric
            }
            let metric = make()
            families[name, default: Family(help: help)].members.append((labels, metric))
            return metric
        }
    }

    private static func lines(of snapshot: Histogram.Snapshot, _ name: String, _ labels: String) -> String {
        var text = ""
        var total: UInt64 = 0
        let separator = labels.isEmpty ? "" : ","
        for (index, count) in snapshot.counts.enumerated() {
            total += count
            let bound = index < snapshot.bounds.count ? number(snapshot.bounds[index]) : "+Inf"
            text += "\(name)_bucket{\(labels)\(separator)le=\"\(bound)\"} \(total)\n"
        }
        text += "\(name)_sum\(braced(labels)) \(number(snapshot.sum))\n"
        return text + "\(name)_count\(braced(labels)) \(total)\n"
    }

    private static func braced(_ labels: String) -> String {
        labels.isEmpty ? "" : "{\(labels)}"
    }

    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        guard let whole = Int64(exactly: value) else { return String(value) }
        return String(whole)
    }

    private static func escaped(_ value: String) -> String {
        var result = ""
        for character in value {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
