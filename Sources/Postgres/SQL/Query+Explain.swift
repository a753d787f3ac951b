extension Query {
    /// The same statement under EXPLAIN ANALYZE: it is executed, and its plan is what it returns, a line per row.
    package func explained() -> Query {
        Query(explaining: self)
    }

    private init(explaining other: Query) {
        name = other.name
        text = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + other.text
        parameters = other.parameters
        bytes = other.bytes
        file = other.file
        line = other.line
    }
}
