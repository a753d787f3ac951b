package import Jobs
internal import Postgres

/// An order to many runs, or to many dead letters, at once: given in two steps, a count and the act with that count.
///
/// The act changes no more than were counted, and none that is newer than the count; so what an operator agreed to is the
/// most that happens.
package struct BulkOrder: Sendable, Hashable {
    /// Whom it concerns.
    package enum Scope: Sendable, Hashable {
        /// Runs, and what is done with them.
        case runs(RunControls.Action, RunFilter)
        /// Dead letters, which are done after all.
        case deadLetters(DeadLetterFilter)
    }

    /// What was counted.
    package struct Count: Sendable, Hashable {
        /// How many there are, of the newest ``BulkOrder/limit`` at most.
        package var matched = 0
        /// Whether there are more, for another order.
        package var isMore = false
        /// None that is newer is meant.
        package var newest = JobID(rawValue: 0)
    }

    /// How many can be ordered at once.
    package static let limit = 10_000

    package let scope: Scope

    /// Makes an order.
    ///
    /// Where a filter names no state, a retry is of failed runs and a resumption of paused ones.
    package init(_ scope: Scope) {
        guard case .runs(let action, var filter) = scope else {
            self.scope = scope
            return
        }
        switch action {
        case .retry: filter.state = filter.state ?? .failed
        case .resume: filter.state = filter.state ?? .paused
        case .cancel, .pause: break
        }
        self.scope = .runs(action, filter)
    }

    /// What is recorded of the order, and what its token is of.
    var detail: [String: PlanValue] {
        switch scope {
        case .runs(let action, let filter):
            return [
                "action": .string(action.rawValue), "workflow": .text(filter.workflow),
                "state": .text(filter.state?.rawValue), "error": .text(filter.error),
                "key": .text(filter.key),
                "parent": filter.parent.map { .integer(Int($0.rawValue)) } ?? .null,
                "attribute": .text(filter.attribute.map { "\($0.name)=\($0.value.text)" }),
            ].filter { $0.value != .null }
        case .deadLetters(let filter):
            return [
                "action": .string("redrive"), "name": .text(filter.name), "queue": .text(filter.queue),
                "kind": .text(filter.kind?.rawValue),
            ].filter { $0.value != .null }
        }
    }

    /// Says what was counted: this order, so many, and none newer than that.
    ///
    /// It guards against mistakes, not against operators: whoever can make one may as well count.
    package func token(of count: Count) -> String {
        let text = "\(PlanValue.object(detail).json) \(count.matched)"
        return PublicID.encode("bk", count.newest.rawValue) + "."
            + Base64URL.encode(Array(Digest.sha256("\(text) \(count.newest)").prefix(12)))
    }

    /// Reads a token.
    ///
    /// - Returns: what was counted; nil if the token is of another order or number.
    package func count(of token: String, matched: Int) -> Count? {
        guard let end = token.firstIndex(of: "."), let newest = PublicID.decode("bk", String(token[..<end]))
        else {
            return nil
        }
        let count = Count(matched: matched, newest: JobID(rawValue: newest))
        return self.token(of: count) == token ? count : nil
    }
}
