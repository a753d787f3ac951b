package import Postgres

/// The plans of a client's statements as a serving process has them, generic ones, those inside of functions among them.
package struct ServedPlans: Sendable {
    /// What the client's configuration has to have; the client may have one connection only.
    package let log = PlanLog(.server)
    private var parts: [(start: Int, label: String)] = []

    package init() {}

    /// The options of a connection whose plans are told, to be added to a database's URL.
    package static let options = [
        "session_preload_libraries=auto_explain", "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on", "auto_explain.log_timing=off", "auto_explain.log_format=json",
        "auto_explain.log_nested_statements=on", "auto_explain.log_buffers=on", "client_min_messages=log",
        "enable_seqscan=off", "jit=off",
        "plan_cache_mode=force_generic_plan",
    ].map { "-c%20\($0.replacing("=", with: "%3D"))" }.joined(separator: "%20")

    /// From here on the names of statements are followed by a blank and this; nil is by nothing.
    package mutating func label(_ label: String?) {
        parts.append((log.entries.count, label.map { " " + $0 } ?? ""))
    }

    /// What was kept, each plan under the name of the statement that the client has run.
    package var entries: [PlanLog.Entry] {
        let names = Dictionary(log.names.map { (Self.line($0.key), $0.value) }, uniquingKeysWith: { $1 })
        var (named, inner): ([PlanLog.Entry], [PlanLog.Entry]) = ([], [])
        var (label, left) = ("", parts[...])
        for (index, entry) in log.entries.enumerated() {
            while let part = left.first, part.start <= index {
                label = part.label
                left.removeFirst()
            }
            inner.append(entry)
            // What functions do ends before the statement that calls them.
            let lines = entry.plan.text.split(separator: "\n", maxSplits: 2)
            guard lines.count == 3, let name = names[String(lines[1])] else { continue }
            named += inner.map { PlanLog.Entry(name: name + label, plan: $0.plan) }
            inner = []
        }
        return named
    }

    /// The line of a plan that has a statement's text.
    private static func line(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: "\\n").replacing("\t", with: "\\t")
        return "  \"Query Text\": \"\(escaped)\","
    }
}
