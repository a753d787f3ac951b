import Jobs
import Postgres
import Workflows

/// Sells something: takes it from the shelf, charges the card, has it packed, ships it.
///
/// Whatever goes wrong on the way, and whoever cancels, what was done is undone in the opposite order.
struct Order: Workflow {
    struct Request: Codable, Sendable {
        var customer: String
        var item: String
        var quantity: Int
        var cents: Int
    }

    static let name = "order"
    /// A failure that an effect's own policy has given up on ends the run, and has it undone.
    static let retry = RetryPolicy.never
    static let packed = EventKey<String>("packed")
    let shop: any Shop

    /// Returns the parcel's number, or nil if too few are left.
    func run(_ context: WorkflowContext, _ order: Request) async throws -> String? {
        let isReserved = try await context.step("reserve") { tx in
            try await tx.execute(
                Query(
                    "stock_reserve",
                    """
                    UPDATE stock SET free = free - \(order.quantity)
                    WHERE item = \(order.item) AND free >= \(order.quantity)
                    """
                )
            ) == 1
        }
        guard isReserved else { return nil }
        context.compensate("reserve") { undo in
            try await undo.step("put back") { tx in
                try await tx.execute(
                    Query(
                        "stock_put_back",
                        "UPDATE stock SET free = free + \(order.quantity) WHERE item = \(order.item)"
                    )
                )
            }
        }

        let payment = try await context.effect("charge", retry: .exponential(max: 5)) { key in
            try await shop.charge(order, key)
        }
        context.compensate("charge") { undo in
            try await undo.effect("refund") { key in try await shop.refund(payment, key) }
        }

        let packer = try await context.first(
            on(Self.packed) { Optional($0) },
            after(.seconds(2 * 86_400)) { nil }
        )
        guard let packer else { throw JobVerdict.discard("nobody packed it for two days") }
        return try await context.effect("ship") { key in try await shop.ship(order, packedBy: packer, key) }
    }
}

/// The world outside.
///
/// A call may come twice, when a worker dies over it; then it has the same key. To refuse for good, throw
/// `JobVerdict.discard`; what else is thrown is tried again.
protocol Shop: Sendable {
    func charge(_ order: Order.Request, _ key: String) async throws -> String
    func refund(_ payment: String, _ key: String) async throws
    func ship(_ order: Order.Request, packedBy packer: String, _ key: String) async throws -> String
}
