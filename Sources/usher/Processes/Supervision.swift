internal import Reactor

/// Which processes ought to run, which do, and what has to happen next.
///
/// Pure: it is told what happened and answers with what to do.
///
/// ```
///            start          exit (backoff grows when it was short)
/// waiting ----------> running ------------------------------------> waiting
///                        | fewer wanted, or all are to stop
///                        v
///                     draining --exit--> gone      (killed when it takes too long)
/// ```
struct Supervision {
    /// A kind of process of which some number is wanted.
    struct Group: Sendable, Hashable {
        /// The name its processes carry, as in `worker default`.
        let name: String
        /// What the processes are called with.
        var words: [String]
        /// When everything stops, groups of a lower stage have ended before those of the next are told to.
        let stopStage: Int
    }

    /// One process of a group: the place is kept when the process is replaced.
    struct Slot: Sendable, Hashable, Comparable {
        let group: String
        let number: Int

        var label: String { number == 1 ? group : "\(group) \(number)" }

        static func < (left: Self, right: Self) -> Bool {
            (left.group, left.number) < (right.group, right.number)
        }
    }

    /// What the caller has to do.
    enum Action: Sendable, Hashable {
        /// Start a process for the slot and report with ``Supervision/started(_:pid:at:)``.
        case start(Slot, words: [String])
        /// Ask the process to end in order.
        case drain(Slot, pid: Int32)
        /// End the process at once.
        case kill(Slot, pid: Int32)
        /// Everything has ended.
        case finished
    }

    /// The times the supervision keeps.
    struct Timing: Sendable {
        var firstDelay = Duration.milliseconds(200)
        var longestDelay = Duration.seconds(10)
        /// A process that lived this long has recovered: its next delay is the first again.
        var recovered = Duration.seconds(10)
        var drain = Duration.seconds(20)
    }

    private enum State: Hashable {
        case waiting(until: MonotonicTime)
        case starting
        case running(pid: Int32, since: MonotonicTime)
        case draining(pid: Int32, killAt: MonotonicTime)
        case killed(pid: Int32)
    }

    private struct Member {
        var state: State
        var shortLives = 0
    }

    private let timing: Timing
    private var groups: [String: Group] = [:]
    private var wanted: [String: Int] = [:]
    private var members: [Slot: Member] = [:]
    private var isStopping = false

    init(timing: Timing = Timing()) {
        self.timing = timing
    }

    /// The processes that run, by slot.
    var running: [Slot: Int32] {
        members.compactMapValues { member in
            if case .running(let pid, _) = member.state { pid } else { nil }
        }
    }

    /// Whether the slot's process will be replaced.
    func willRestart(_ slot: Slot) -> Bool {
        !isStopping && members[slot] != nil
    }

    /// Sets how many processes of a group ought to run.
    mutating func want(_ count: Int, of group: Group, at now: MonotonicTime) -> [Action] {
        groups[group.name] = group
        wanted[group.name] = count
        return settle(at: now)
    }

    /// No process of the group ought to run any more.
    mutating func forget(_ group: String, at now: MonotonicTime) -> [Action] {
        wanted[group] = 0
        return settle(at: now)
    }

    /// A process was started for a slot.
    mutating func started(_ slot: Slot, pid: Int32, at now: MonotonicTime) -> [Action] {
        members[slot]?.state = .running(pid: pid, since: now)
        return settle(at: now)
    }

    /// The process of a slot has ended, or could not even be started.
    mutating func ended(_ slot: Slot, at now: MonotonicTime) -> [Action] {
        guard var member = members[slot] else { return [] }
        switch member.state {
        case .draining, .killed:
            members[slot] = nil
        case .running(_, let since) where now - since >= timing.recovered:
            member.shortLives = 0
            member.state = .waiting(until: now + timing.firstDelay)
            members[slot] = member
        case .running, .starting, .waiting:
            let factor = 1 << min(member.shortLives, 10)
            member.shortLives += 1
            member.state = .waiting(until: now + min(timing.longestDelay, timing.firstDelay * factor))
            members[slot] = member
        }
        return settle(at: now)
    }

    /// Time has passed.
    mutating func tick(at now: MonotonicTime) -> [Action] {
        settle(at: now)
    }

    /// Everything is to end, in the order of the stages.
    mutating func stop(at now: MonotonicTime) -> [Action] {
        isStopping = true
        return settle(at: now)
    }

    /// When ``tick(at:)`` has something to do, if ever.
    var nextDeadline: MonotonicTime? {
        members.values.compactMap { member in
            switch member.state {
            case .waiting(let until): until
            case .draining(_, let killAt): killAt
            case .starting, .running, .killed: nil
            }
        }.min()
    }

    /// Moves every slot towards what is wanted; the one place where actions come from.
    private mutating func settle(at now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        if !isStopping {
            for (group, count) in wanted where count > 0 {
                for number in 1...count where members[Slot(group: group, number: number)] == nil {
                    members[Slot(group: group, number: number)] = Member(state: .waiting(until: now))
                }
            }
        }
        // What only waits to be started is gone before the stage is looked up: it keeps nobody from stopping.
        members = members.filter { slot, member in
            guard case .waiting = member.state else { return true }
            return !isStopping && slot.number <= wanted[slot.group] ?? 0
        }
        let stage = members.keys.compactMap { groups[$0.group]?.stopStage }.min()
        for slot in members.keys.sorted() {
            guard let member = members[slot], let group = groups[slot.group] else { continue }
            let isWanted = !isStopping && slot.number <= wanted[slot.group] ?? 0
            let mayStop = !isStopping || group.stopStage == stage
            switch member.state {
            case .waiting(let until) where until <= now:
                members[slot]?.state = .starting
                actions.append(.start(slot, words: group.words))
            case .running(let pid, _) where !isWanted && mayStop:
                members[slot]?.state = .draining(pid: pid, killAt: now + timing.drain)
                actions.append(.drain(slot, pid: pid))
            case .draining(let pid, let killAt) where killAt <= now:
                members[slot]?.state = .killed(pid: pid)
                actions.append(.kill(slot, pid: pid))
            case .waiting, .starting, .running, .draining, .killed: break
            }
        }
        if isStopping && members.isEmpty { actions.append(.finished) }
        return actions
    }
}
