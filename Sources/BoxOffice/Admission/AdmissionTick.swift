package import Jobs
package import Workflows

/// Calls the next in line, about once a second, for as long as the on-sale runs and anybody is inside.
///
/// Once everything is sold and nobody is inside, it sleeps until something changes.
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
    /// Sent, numbered by nap, when a tick that sleeps has something to do; see ``SleepingTick``.
    package static let woken = EventKey<Bool>("woken")

    /// The key of an on-sale's one run.
    static func key(_ onSale: OnSaleID) -> String { "admission:\(onSale)" }

    private let orders: DrawOrders

    package init(orders: DrawOrders) { self.orders = orders }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> Bool {
        let orders = orders
        let report = try await context.step("tick") { tx in
            try await TickTransaction(onSale: input.onSale, orders: orders).run(in: &tx)
        }
        for notice in report.notices ?? [] { _ = try await context.start(Notify.self, notice) }
        if let telling = report.telling {
            _ = try await context.start(TellEveryone.self, telling, key: telling.key)
        }
        // A tick that an older version made has no nap, so the run it is of goes on as it would have.
        if let nap = report.nap {
            try await context.first(on(Self.woken.numbered(nap.number)) { _ in }, until(nap.until) {})
            try context.continueAsNew(input)
        }
        guard report.isLast else { try context.continueAsNew(input, after: Self.pause) }
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
    /// Where the tick sleeps now; nil while there may be something to do soon, and in a report of an older version.
    var nap: SleepingTick.Nap?
    /// The keys of the notifications that were written; nil in a report of an older version.
    var notices: [String]?
    /// What everyone is to be told; nil in a report of an older version, too.
    var telling: TellEveryone.Input?
}
