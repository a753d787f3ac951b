package import Jobs
package import Workflows

/// Calls the next in line, about once a second, for as long as the on-sale runs and anybody is inside.
package struct AdmissionTick: Workflow {
    package static let name = "admission"

    /// Whatever fails is tried again within seconds; a line that stands still helps nobody.
    package static let retry = RetryPolicy(maxAttempts: .max, base: .milliseconds(200), maxDelay: .seconds(5))

    package struct Input: Codable, Sendable {
        package let onSale: OnSaleID
        package init(onSale: OnSaleID) { self.onSale = onSale }
    }

    /// From the end of one tick to the beginning of the next.
    static let pause = Duration.seconds(1)
    /// When everything is sold and nobody is inside, something comes back now and then.
    private static let quietPause = Duration.seconds(5)

    private let orders: DrawOrders

    package init(orders: DrawOrders) { self.orders = orders }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> Bool {
        let orders = orders
        let report = try await context.step("tick") { tx in
            try await TickTransaction(onSale: input.onSale, orders: orders).run(in: &tx)
        }
        for notice in report.notices ?? [] { _ = try await context.start(Notify.self, notice) }
        guard report.isLast else {
            try context.continueAsNew(input, after: report.isQuiet == true ? Self.quietPause : Self.pause)
        }
        orders.forget(input.onSale)
        return true
    }
}

/// What one tick did.
package struct TickReport: Codable, Sendable, Equatable {
    /// How many were called.
    var called = 0
    /// Whether nothing is left to do.
    var isLast = false
    /// Whether nobody is on the way; nil in a report of an older version.
    var isQuiet: Bool?
    /// The keys of the notifications that were written; nil in a report of an older version.
    var notices: [String]?
}
