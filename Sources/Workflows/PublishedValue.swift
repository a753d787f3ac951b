internal import Postgres

/// A value that a run shows to the outside.
struct PublishedValue: Sendable {
    let json: JSONB
    /// Whether runs can be searched for by it.
    let isAttribute: Bool
}

/// A value and an attribute of the same name are two things.
struct PublishedName: Hashable, Comparable {
    let name: String
    let isAttribute: Bool

    static func < (left: Self, right: Self) -> Bool {
        (left.name, left.isAttribute ? 1 : 0) < (right.name, right.isAttribute ? 1 : 0)
    }
}
