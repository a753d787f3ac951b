import Postgres
import Workflows

/// What the function is given of each run, as JSON.
struct ReleaseCart: TimerTransition {
    static let function = "release_carts"
    let item: String
    let quantity: Int
}

/// Keeps things for a customer for ten minutes.
struct Cart: Workflow {
    static let name = "cart"
    static let ordered = EventKey<Int64>("ordered")

    struct Input: Codable, Sendable {
        var item: String
        var quantity: Int
    }

    func run(_ context: WorkflowContext, _ cart: Input) async throws -> String {
        try await context.step("take") { tx in
            try await tx.execute(
                Query(
                    "cart_take",
                    "UPDATE shelf SET free = free - \(cart.quantity) WHERE item = \(cart.item)"
                )
            )
        }
        let order = try await context.first(
            on(Self.ordered) { $0 },
            expires(after: .seconds(600), by: ReleaseCart(item: cart.item, quantity: cart.quantity))
        )
        return "ordered as \(order)"
    }
}
