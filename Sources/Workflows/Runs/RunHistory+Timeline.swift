package import Jobs
package import Postgres

extension RunHistory {
    /// Something that stands on a run's timeline: what it recorded, or what it was told.
    package struct Mark: Sendable {
        /// The step's key, or the event's name.
        package let label: String
        /// What was recorded; nil for an event.
        package let kind: Step.Kind?
        /// When what was recorded before it was; nil for an event, which takes no time.
        package let since: PostgresTimestamp?
        /// When it was recorded.
        package let at: PostgresTimestamp
        /// The claim under which it was recorded.
        package let epoch: Int32?
        /// What was kept.
        package let value: JSONB
        /// How many attempts of an effect that will be tried again have failed.
        package let failures: Int?
        /// What went wrong.
        package let error: String?
        /// The runs that it started and is told of.
        package let children: [RunSummary]
        /// The run that it started and is not told of.
        package let started: JobID?

        /// Whether it tells that something did not go well.
        package var isFailure: Bool {
            kind.map { [.error, .retry, .interrupted, .unwinding].contains($0) } ?? false
        }
    }

    /// When the timeline begins: what a fork has from its origin is older than the fork.
    package var beginning: PostgresTimestamp {
        min(run.createdAt, steps.first?.recordedAt ?? run.createdAt)
    }

    /// What stands on the timeline, in that order.
    package var timeline: [Mark] {
        var marks: [Mark] = []
        var last = beginning
        for step in steps {
            marks.append(mark(step, since: last))
            last = step.recordedAt
        }
        marks += events.map { event in
            Mark(
                label: event.name,
                kind: nil,
                since: nil,
                at: event.recordedAt,
                epoch: nil,
                value: event.value,
                failures: nil,
                error: nil,
                children: [],
                started: nil
            )
        }
        return marks.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(
            \.element
        )
    }

    private func mark(_ step: Step, since: PostgresTimestamp) -> Mark {
        // One whose payloads are encrypted tells nothing of them.
        let record =
            step.kind == .retry ? try? JSONCoding.decode(RetryRecord.self, from: step.value, what: "") : nil
        let isError = [.error, .interrupted].contains(step.kind)
        let text = isError ? try? JSONCoding.decode(String.self, from: step.value, what: "") : nil
        return Mark(
            label: step.key,
            kind: step.kind,
            since: since,
            at: step.recordedAt,
            epoch: step.epoch,
            value: step.value,
            failures: record?.failures,
            error: record?.error ?? text ?? (isError ? step.value.text : nil),
            children: children.filter { child in
                child.parentEvent.map { $0 == step.key || $0.hasPrefix(step.key + "[") } ?? false
            },
            started: step.key.contains("start:") ? Int64(step.value.text).map(JobID.init(rawValue:)) : nil
        )
    }
}
