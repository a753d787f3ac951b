package import Jobs

/// Every check of the promises, of the engine and of the box office.
package enum PromiseChecks {
    /// Those that are one statement each.
    package static let statements: [AuditCheck] = EngineAudit.checks + RoomAudit.checks + StockAudit.checks

    /// The one that takes more than SQL: see ``DrawAudit``.
    package static let draws = (promise: 5, name: "every draw can be computed again from what was published")

    /// All of them, by promise.
    package static let names: [(promise: Int, name: String)] =
        (statements.map { ($0.promise, $0.name) } + [draws]).sorted { ($0.0, $0.1) < ($1.0, $1.1) }
}
