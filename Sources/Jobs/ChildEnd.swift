package import Postgres

/// What a parent is told of the end of one of its children.
package struct ChildEnd: Sendable {
    /// How the children of a fan-in are named to their parent.
    package static func event(of fanIn: String, ordinal: Int) -> String { "\(fanIn)[\(ordinal)]" }

    /// What the key of a fan-out has in it.
    package static let fanOut = "children:"

    let parent: JobID
    /// The name under which the end is recorded with the parent's events.
    let event: String
    /// `{"output": …}`, or `{"error": …, "kind": …, "run": …}`.
    private(set) var payload: JSONB

    /// A child that ended well.
    package init(of child: JobID, to parent: (id: JobID, event: String), output: JSONB) {
        self.parent = parent.id
        event = parent.event
        payload = JSONB(text: "{\"output\":\(output.text)}")
    }

    /// A child that ended without an output; `kind` is one of a dead letter's, or `cancelled`.
    package init(
        of child: JobID,
        to parent: (id: JobID, event: String),
        kind: String,
        error: String
    ) throws {
        self.parent = parent.id
        event = parent.event
        payload = try JSONCoding.encode(Failure(error: error, kind: kind, run: child))
    }

    /// The same end, as it is stored.
    ///
    /// - Throws: what the codec throws.
    package func encoded(by payloads: Payloads) throws -> ChildEnd {
        var end = self
        end.payload = try payloads.encode(payload, .event(event, of: parent))
        return end
    }

    /// What a cancelled child's kind is called.
    package static let cancelled = "cancelled"

    /// The fan-in that the child counts for; nil for one that its parent waits for alone.
    var fanIn: String? {
        guard event.hasSuffix("]"), event.contains(Self.fanOut), let end = event.lastIndex(of: "[") else {
            return nil
        }
        return String(event[..<end])
    }

    private struct Failure: Encodable {
        let error: String
        let kind: String
        let run: JobID
    }
}
