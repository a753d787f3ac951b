import Postgres

@testable import BoxOffice
@testable import ProofActor

/// A commit that somebody makes while a story is played.
enum SaleCommit: Sendable, Hashable, CustomStringConvertible {
    /// A step's, an effect's result or a park, of a workflow's run.
    case checkpoint(workflow: String, key: String)
    /// The end of a workflow's run.
    case end(workflow: String)
    /// The provider's own, when it does what it was asked.
    case provider(state: String)
    /// The receiver's, when a message has come.
    case delivery
    /// What the scheduler does to holds whose time is over.
    case expiry
    /// What a gateway does for a buyer.
    case act(ProofBuyer.Act)

    /// Who makes it, in a process of its own.
    enum Actor: String {
        case office, scheduler, buyer
    }

    var actor: Actor {
        switch self {
        case .checkpoint, .end, .provider, .delivery: .office
        case .expiry: .scheduler
        case .act: .buyer
        }
    }

    var description: String {
        switch self {
        case .checkpoint(let workflow, let key): "\(workflow) \(key)"
        case .end(let workflow): "\(workflow) ends"
        case .provider(let state): "provider \(state)"
        case .delivery: "delivery"
        case .expiry: "expiry"
        case .act(let act): "buyer \(act)"
        }
    }

    /// Those that no checkpoint tells of.
    static func others(of story: SaleStory) -> [SaleCommit] {
        let acts = story.acts.compactMap { act in
            if case .buyer(let act) = act { SaleCommit.act(act) } else { nil }
        }
        let more: [SaleCommit] =
            switch story {
            case .bought: [.provider(state: "authorised"), .provider(state: "captured"), .delivery]
            case .undecided:
                [.provider(state: "pending"), .provider(state: "voided"), .end(workflow: "void_payment")]
            case .declined: [.provider(state: "declined"), .end(workflow: "reservation")]
            case .expired: [.expiry]
            case .refunded: [.provider(state: "refunded"), .end(workflow: "refund")]
            case .extended, .uncapturable: []
            }
        return acts + more
    }

    /// Names a run's workflow: a trigger's condition can't look for itself.
    static let helper = """
        CREATE FUNCTION workflow_of(run bigint) RETURNS text STABLE LANGUAGE sql AS
        'SELECT name FROM jobs WHERE id = run';
        """

    /// What a deferred trigger must watch to hold the commit.
    var hold: (event: String, condition: String) {
        switch self {
        case .checkpoint(let workflow, let key):
            ("INSERT ON checkpoints", "NEW.key = '\(key)' AND workflow_of(NEW.job_id) = '\(workflow)'")
        case .end(let workflow): ("UPDATE ON jobs", "NEW.name = '\(workflow)' AND NEW.state = 'done'")
        case .provider(let state): ("INSERT OR UPDATE ON provider", "NEW.state = '\(state)'")
        case .delivery: ("INSERT ON delivered", "true")
        case .expiry: ("UPDATE ON reservations", "NEW.state = 'expired'")
        case .act(.hold): ("INSERT ON reservations", "true")
        case .act(.checkout): ("INSERT ON payments", "true")
        case .act(.extend): ("UPDATE ON reservations", "NEW.extended = 1")
        case .act(.release): ("UPDATE ON reservations", "NEW.state = 'released'")
        }
    }

    /// Whether it can be seen to have happened.
    var hasHappened: SQL {
        switch self {
        case .checkpoint(let workflow, let key):
            "checkpoints WHERE key = \(key) AND workflow_of(job_id) = \(workflow)"
        case .end(let workflow): "jobs WHERE name = \(workflow) AND state = 'done'"
        case .provider(let state): "provider WHERE state = \(state)"
        case .delivery: "delivered"
        case .expiry: "reservations WHERE state = 'expired'"
        case .act(.hold): "reservations"
        case .act(.checkout): "payments"
        case .act(.extend): "reservations WHERE extended = 1"
        case .act(.release): "reservations WHERE state = 'released'"
        }
    }
}
