import TestSupport
import Testing

/// The gateway's own statements; what buyers call is the box office's, and what operators look at the engine's.
@Suite("The plans of the gateway's statements", .timeLimit(.minutes(5)))
struct StatementPlanTests {
    private static let excused = [
        "operator.workers": "a row per process that lives", "operator.pools": "a row per pool",
        "meter.pools": "a row per pool",
        "replica.primary_position": "reads no table", "replica.position": "reads no table",
    ]

    @Test func `Every statement has a reason to have no plan`() throws {
        #expect(try SourceStatements.names(in: "HTTPGateway") == Set(Self.excused.keys))
    }
}
