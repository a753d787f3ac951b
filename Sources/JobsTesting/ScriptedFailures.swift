package import Jobs
internal import Reactor
internal import Workflows

/// What goes wrong in a test, at which step of a run: errors that steps and effects throw, and deaths of the worker.
///
/// ```swift
/// let failures = ScriptedFailures()
/// failures.fail("charge", times: 2, with: CardDeclined())
/// failures.crash(.afterCommit, of: "reserve")
/// let tester = WorkflowTester(postgres: postgres, registry: registry, failures: failures)
/// ```
/// Steps are named by their checkpoint keys: the second use of a name is `name#2`, and a branch's begin with its name
/// and a slash.
public final class ScriptedFailures: Sendable {
    /// When the worker dies.
    public enum Moment: Sendable, Hashable {
        /// Before the step or effect is performed.
        case before
        /// When it has been performed, and nothing of it is kept.
        case after
        /// When its result is committed, and nothing has followed from it.
        case afterCommit
    }

    private struct Failure {
        let key: String
        var left: Int
        let error: any Error
    }

    private struct Crash: Hashable {
        let key: String
        let moment: Moment
    }

    private struct State {
        var failures: [Failure] = []
        var crashes: [Crash: Int] = [:]
        var happened = 0
    }

    private let state = Lock(State())

    /// Nothing goes wrong, until it is said.
    public init() {}

    /// Has a step or effect throw, so many times, before it is performed.
    public func fail(_ key: String, times: Int = 1, with error: any Error) {
        state.withLock { $0.failures.append(Failure(key: key, left: times, error: error)) }
    }

    /// Has the worker die at a step or effect, so many times.
    ///
    /// All that it holds of that commit's runs is forgotten; another worker finds their claims.
    public func crash(_ moment: Moment, of key: String, times: Int = 1) {
        state.withLock { $0.crashes[Crash(key: key, moment: moment), default: 0] += times }
    }

    /// How often the script has struck.
    public var happened: Int { state.withLock { $0.happened } }

    /// What is left of the script: keys at which nothing went wrong yet, or not often enough.
    public var pending: [String] {
        state.withLock { state in
            Set(state.failures.map(\.key) + state.crashes.keys.map(\.key)).sorted()
        }
    }
}

extension ScriptedFailures: EngineProbe {
    package func willPerform(_ key: String, of run: JobID, isSeen: Bool) throws {
        try crash(.before, key)
        let error = state.withLock { state -> (any Error)? in
            guard let index = state.failures.firstIndex(where: { $0.key == key }) else { return nil }
            let error = state.failures[index].error
            guard isSeen else { return error }
            state.happened += 1
            state.failures[index].left -= 1
            if state.failures[index].left <= 0 { state.failures.remove(at: index) }
            return error
        }
        if let error { throw error }
    }

    package func didPerform(_ key: String, of run: JobID, isSeen: Bool) throws {
        try crash(.after, key)
    }

    package func didCommit(_ keys: [String], of run: JobID) throws {
        for key in keys { try crash(.afterCommit, key) }
    }

    private func crash(_ moment: Moment, _ key: String) throws {
        let crash = Crash(key: key, moment: moment)
        let isDue = state.withLock { state in
            guard let left = state.crashes[crash] else { return false }
            state.crashes[crash] = left > 1 ? left - 1 : nil
            state.happened += 1
            return true
        }
        if isDue { throw SimulatedCrash() }
    }
}
