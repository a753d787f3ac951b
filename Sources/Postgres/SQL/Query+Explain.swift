extension Query {
    /// The same statement under EXPLAIN ANALYZE: it is executed, and its plan is what it returns, a line per row.
    package func explained() -> Query {
        Query(explaining: self, as: "TEXT")
    }

    /// The same statement under EXPLAIN ANALYZE: it is executed, and its plan is what it returns, as one JSON.
    func explainedAsJSON() -> Query {
        Query(explaining: self, as: "JSON")
    }

    /// Whether EXPLAIN knows such statements; it refuses LOCK, COMMIT and their like.
    var canBeExplained: Bool {
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains { text.uppercased().hasPrefix($0) }
    }

    private init(explaining other: Query, as format: String) {
        name = other.name
        text = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT \(format)) " + other.text
        parameters = other.parameters
        bytes = other.bytes
        file = other.file
        line = other.line
    }
}
