import Postgres

/// A commit in a workflow's life: who makes it, how to hold it, and how to see that it has happened.
enum CommitPoint: String, CaseIterable, Sendable {
    case claim, step, effect, result, park, event, timer, childStart, childEnd, end

    /// Who makes a commit, in a process of its own: what the fault befalls.
    enum Actor: String {
        case worker, scheduler, sender
    }

    var actor: Actor {
        switch self {
        case .event: .sender
        case .timer: .scheduler
        default: .worker
        }
    }

    /// What a deferred trigger must watch to hold the commit.
    var hold: (event: String, condition: String) {
        switch self {
        case .claim: ("INSERT ON claims", "NEW.is_run")
        case .step: ("INSERT ON checkpoints", "NEW.key = 'first'")
        case .effect: ("INSERT ON effects", "NEW.name = 'call'")
        case .result: ("INSERT ON checkpoints", "NEW.key = 'call'")
        case .park: ("INSERT ON checkpoints", "NEW.key = 'wait'")
        case .event: ("INSERT ON events", "NEW.name = 'poke'")
        case .timer: ("DELETE ON timers", "true")
        case .childStart: ("INSERT ON checkpoints", "NEW.key = 'child:suberrand'")
        case .childEnd: ("INSERT ON events", "NEW.name = 'child:suberrand'")
        case .end: ("INSERT ON checkpoints", "NEW.key = 'last'")
        }
    }

    /// Whether the commit of a run can be seen.
    func hasHappened(to run: Int64) -> SQL {
        switch self {
        case .claim: "SELECT epoch > 0 FROM jobs WHERE id = \(run)"
        case .step: Self.checkpoint("first", run)
        case .effect: "SELECT EXISTS (SELECT FROM effects WHERE run = \(run) AND name = 'call')"
        case .result: Self.checkpoint("call", run)
        case .park: Self.checkpoint("wait", run)
        case .event: "SELECT EXISTS (SELECT FROM events WHERE job_id = \(run) AND name = 'poke')"
        case .timer: "SELECT NOT EXISTS (SELECT FROM timers WHERE job_id = \(run))"
        case .childStart: Self.checkpoint("child:suberrand", run)
        case .childEnd:
            "SELECT EXISTS (SELECT FROM events WHERE job_id = \(run) AND name = 'child:suberrand')"
        case .end: Self.checkpoint("last", run)
        }
    }

    private static func checkpoint(_ key: String, _ run: Int64) -> SQL {
        "SELECT EXISTS (SELECT FROM checkpoints WHERE job_id = \(run) AND key = \(key))"
    }
}

/// What befalls a process at a commit point.
enum Fault: String, CaseIterable, Sendable {
    case killed, frozenPastItsLease, backendsTerminated, connectionLost, serverCrashed
}

/// Where the process stands when it does.
enum Position: String, CaseIterable, Sendable {
    /// In the transaction, in the middle of a statement of the user's.
    case inside
    /// In the transaction, all statements done, COMMIT sent.
    case before
    /// The commit has happened, and the process has not heard.
    case after
}
