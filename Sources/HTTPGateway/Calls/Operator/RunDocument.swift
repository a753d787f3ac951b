internal import HTTP
internal import Jobs
internal import Postgres
internal import Workflows

/// A run as operators see it.
enum RunDocument {
    /// How much of a value is shown, in bytes; `usher runs history` prints it whole.
    private static let shown = 4_000

    static func write(_ run: RunSummary, to json: inout JSONWriter) {
        json.field("id", "\(run.id)")
        json.field("workflow", run.workflow)
        json.field("queue", run.queue)
        json.field("state", run.state.rawValue)
        json.field("paused", run.isPaused)
        json.field("claims", Int(run.epoch))
        json.field("generation", Int(run.generation))
        json.field("failures", Int(run.failures))
        json.field("version", run.codeVersion)
        json.field("parent", run.parent.map { "\($0)" })
        json.field("wakes_at", run.wakesAt.map { "\($0)" })
        json.array("waits_for") { for name in run.waitsFor { $0.value(name) } }
        json.field("error", run.error)
        json.field("created_at", "\(run.createdAt)")
        json.field("finished_at", run.finishedAt.map { "\($0)" })
    }

    static func write(_ history: RunHistory, to json: inout JSONWriter) {
        json.object("run") { write(history.run, to: &$0) }
        json.field("begins_at", "\(history.beginning)")
        json.field("input", cut(history.input.text))
        json.field("output", history.output.map { cut($0.text) })
        json.array("timeline") { list in
            for mark in history.timeline { list.object { write(mark, to: &$0) } }
        }
        json.array("values") { list in
            for value in history.values {
                list.object { json in
                    json.field("name", value.name)
                    json.field("value", cut(value.value.text))
                    json.field("at", "\(value.recordedAt)")
                }
            }
        }
        json.array("attributes") { list in
            for attribute in history.attributes {
                list.object { json in
                    json.field("name", attribute.name)
                    json.field("value", cut(attribute.value.text))
                }
            }
        }
        json.array("children") { list in
            for child in history.children { list.object { write(child, to: &$0) } }
        }
    }

    private static func write(_ mark: RunHistory.Mark, to json: inout JSONWriter) {
        json.field("label", mark.label)
        json.field("kind", mark.kind?.rawValue ?? "event")
        json.field("since", mark.since.map { "\($0)" })
        json.field("at", "\(mark.at)")
        json.field("claim", mark.epoch.map(Int.init))
        json.field("failed_attempts", mark.failures)
        json.field("failed", mark.isFailure)
        json.field("error", mark.error.map(cut))
        json.field("value", cut(mark.value.text))
        json.array("runs") { list in
            for child in mark.children.prefix(20) { list.value("\(child.id)") }
            if let started = mark.started { list.value("\(started)") }
        }
    }

    private static func cut(_ text: String) -> String {
        text.utf8.count <= shown ? text : String(text.prefix(shown)) + "…"
    }
}
