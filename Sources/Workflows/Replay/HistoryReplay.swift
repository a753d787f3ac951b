internal import Foundation
internal import Jobs
internal import Postgres

/// Replays what a run has recorded against code, without a database: nothing is done again, and nothing is written.
///
/// ```swift
/// let replay = HistoryReplay(history, with: registry)
/// guard replay.fits else { fatalError(replay.difference ?? "") }
/// ```
/// So a new version of a workflow can be held against the histories of runs that live, before it is put to work.
public struct HistoryReplay: Sendable, Hashable, CustomStringConvertible {
    /// Where the code stands once it has used up the history.
    public enum Frontier: Sendable, Hashable {
        /// It returned, as the run did or would.
        case returns
        /// It threw this.
        case throwsError(String)
        /// It continues as new.
        case continuesAsNew
        /// It asks for these keys, which are not recorded yet, or not decided: steps, effects, starts or waits.
        case asks([String])
    }

    /// What in the history this code can't have made, in one line; nil if they fit.
    public let difference: String?
    /// How far the code gets with it.
    public let frontier: Frontier
    /// How many recorded steps there were.
    public let steps: Int

    /// Whether the code can have made this history.
    public var fits: Bool { difference == nil }

    /// Replays a history with the code that is registered for it.
    ///
    /// The code runs on the calling thread until it has used up the history. It sees the time at which the last step was
    /// recorded, so that what it waited for then is not over.
    public init(_ history: RunHistory, with registry: WorkflowRegistry) {
        steps = history.steps.count
        guard let code = registry.code(of: history.run.workflow, version: history.run.codeVersion) else {
            difference = registry.missing(history.run.workflow, version: history.run.codeVersion)
            frontier = .asks([])
            return
        }
        var recorded: [(key: String, checkpoint: Checkpoint)] = []
        var unknown: String?
        for step in history.steps {
            guard let kind = step.kind.number.flatMap(Checkpoint.Kind.init(rawValue:)) else {
                unknown =
                    unknown
                    ?? "\"\(step.key)\" was recorded as \(step.kind.rawValue), which no code here does"
                continue
            }
            recorded.append((step.key, Checkpoint(kind: kind, value: step.value)))
        }
        var job = NewJob.run(name: history.run.workflow, queue: history.run.queue, input: history.input)
        job.codeVersion = history.run.codeVersion
        let activation = Activation(
            job: ClaimedJob(eager: history.run.id, job),
            history: recorded,
            events: Dictionary(history.events.map { ($0.name, $0.value) }) { first, _ in first },
            now: history.steps.last?.recordedAt ?? history.run.createdAt,
            registry: registry
        )
        let failures = Int(history.run.failures)
        activation.start(
            isFinal: { code.retry.next($0 as? JobVerdict, failures: failures) == nil },
            { context in try await code.run(context, RunInput(stored: history.input)) }
        )
        activation.pump()
        let ending = activation.ending
        let asked = activation.openKeys
        frontier =
            switch ending {
            case .done: .returns
            case .again: .continuesAsNew
            case .failed(let error): .throwsError("\(error)")
            case nil: .asks(asked)
            }
        difference =
            unknown ?? activation.divergence
            ?? Self.difference(of: ending, asking: asked, from: history, unread: activation.firstUnread)
        activation.seal()
    }

    /// What does not fit in how the code came to rest.
    private static func difference(
        of ending: Activation.Ending?,
        asking: [String],
        from history: RunHistory,
        unread: String?
    ) -> String? {
        let state = history.run.state
        switch ending {
        case .failed(let error):
            if let unread {
                return "the code throws \"\(error)\", and the history goes on with \"\(unread)\""
            }
            return state == .done ? "the code throws \"\(error)\", and the run had returned" : nil
        case .done(let output):
            guard state == .done, let kept = history.output, canonical(kept) != canonical(output) else {
                return nil
            }
            return "the code returns \(short(output)), and the run had returned \(short(kept))"
        case .again:
            return state == .done ? "the code continues as new, and the run had returned" : nil
        case nil:
            if asking.isEmpty {
                return "the code awaits something other than its context; put it in an effect"
            }
            guard state == .done else { return nil }
            return "the code asks for \"\(asking[0])\", which the run never did before it returned"
        }
    }

    /// The same text for the same JSON, whatever the order of its fields.
    private static func canonical(_ json: JSONB) -> String {
        guard
            let value = try? JSONSerialization.jsonObject(with: Data(json.bytes), options: .fragmentsAllowed),
            let data = try? JSONSerialization.data(
                withJSONObject: value,
                options: [.sortedKeys, .fragmentsAllowed]
            )
        else { return json.text }
        return String(decoding: data, as: UTF8.self)
    }

    private static func short(_ json: JSONB) -> String {
        json.text.count <= 200 ? json.text : json.text.prefix(199) + "…"
    }

    /// The verdict in one line.
    public var description: String {
        if let difference { return "differs: \(difference)" }
        return switch frontier {
        case .returns: "replays: \(steps) recorded steps, and it returns"
        case .throwsError(let error): "replays: \(steps) recorded steps, and it throws \(error)"
        case .continuesAsNew: "replays: \(steps) recorded steps, and it continues as new"
        case .asks(let keys):
            "replays: \(steps) recorded steps, and it stands at \(keys.joined(separator: ", "))"
        }
    }
}
