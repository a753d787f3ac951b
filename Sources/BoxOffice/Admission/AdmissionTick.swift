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
    private static let pause = Duration.seconds(1)

    private let orders: DrawOrders

    package init(orders: DrawOrders) { self.orders = orders }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> Bool {
        let orders = orders
        let report = try await context.step("tick") { tx in
            try await TickTransaction(onSale: input.onSale, orders: orders).run(in: &tx)
        }
        guard report.isLast else { try context.continueAsNew(input, after: Self.pause) }
        orders.forget(input.onSale)
        return true
    }
}

/// What one tick did.
struct TickReport: Codable, Sendable, Equatable {
    /// How many were called.
    var called = 0
    /// Whether nothing is left to do.
    var isLast = false
}
