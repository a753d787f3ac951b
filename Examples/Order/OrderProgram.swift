import Jobs
import Postgres
import Standalone
import Workflows

/// Five orders and what becomes of them.
///
/// The schema `orders` of the database in `USHER_DATABASE_URL` is made if it is not there.
@main enum OrderProgram {
    static func main() async throws {
        let engine = try await StandaloneEngine(schema: "orders")
        try await engine.postgres.execute(
            Query(
                "stock_create",
                "CREATE TABLE IF NOT EXISTS stock (item text PRIMARY KEY, free bigint NOT NULL CHECK (free >= 0))"
            )
        )
        try await engine.postgres.execute(
            Query(
                "stock_fill",
                "INSERT INTO stock VALUES ('lamp', 10) ON CONFLICT (item) DO UPDATE SET free = 10"
            )
        )
        var registry = WorkflowRegistry()
        registry.register(Order(shop: CornerShop()))
        try await engine.run(registry) {
            for (customer, quantity) in [("Ada", 1), ("Bob", 1), ("Cay", 2), ("Dan", 1), ("Eve", 99)] {
                try await sell(quantity, to: customer, engine)
            }
        }
        let free: Int64 = try await engine.postgres.query(
            Query("stock_left", "SELECT free FROM stock WHERE item = 'lamp'")
        )[0][0]
        print("of 10 lamps \(free) are left")
    }

    private static func sell(_ quantity: Int, to customer: String, _ engine: StandaloneEngine) async throws {
        let request = Order.Request(customer: customer, item: "lamp", quantity: quantity, cents: 4500)
        let client = engine.client
        let run = try await client.start(Order.self, request)
        print("\(customer) orders \(quantity): run \(run)")
        if try await client.watch(run, until: .waiting).state == .waiting {
            if customer == "Cay" {
                _ = try await client.cancel(run)
            } else {
                _ = try await client.send(Order.packed, "Pat", to: run)
            }
        }
        let job = try await client.watch(run)
        switch job.state {
        case .done:
            let parcel = try await client.result(of: run, Order.self) ?? nil
            print("  \(parcel.map { "is on its way as \($0)" } ?? "is told that too few are left")")
        default: print("  \(job.state.rawValue)\(job.error.map { ": \($0)" } ?? "")")
        }
    }
}

/// A shop whose outside world is the terminal.
private struct CornerShop: Shop {
    func charge(_ order: Order.Request, _ key: String) async throws -> String {
        if order.customer == "Bob" { throw JobVerdict.discard("the card was declined") }
        print("  charged \(order.customer) \(order.cents * order.quantity) cents")
        return "payment of \(order.customer)"
    }

    func refund(_ payment: String, _ key: String) async throws {
        print("  refunded the \(payment)")
    }

    func ship(_ order: Order.Request, packedBy packer: String, _ key: String) async throws -> String {
        if order.customer == "Dan" { throw JobVerdict.discard("the carrier knows no such street") }
        return "parcel \(key)"
    }
}
