import Jobs
import Postgres
import Standalone
import Workflows

/// Two members, and months that pass in a quarter of a second: `SubscriptionExample 2` makes them two seconds long.
///
/// The schema `subscriptions` of the database in `USHER_DATABASE_URL` is made if it is not there.
@main enum SubscriptionProgram {
    static func main() async throws {
        let month = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 0.25
        let engine = try await StandaloneEngine(schema: "subscriptions")
        try await engine.postgres.execute(
            Query(
                "members_create",
                "CREATE TABLE IF NOT EXISTS members (customer text PRIMARY KEY, is_open boolean NOT NULL)"
            )
        )
        // What the bank has booked, in order.
        let (bookings, book) = AsyncStream.makeStream(of: String.self)
        var registry = WorkflowRegistry()
        registry.register(
            Subscription { customer, cents, _ in
                if customer == "Bob", cents > 1000 { throw CardDeclined() }
                print("\(customer) pays \(cents)")
                book.yield(customer)
            }
        )
        try await engine.run(registry) {
            let client = engine.client
            let ada = try await client.start(
                Subscription.self,
                Subscription.Terms(customer: "Ada", cents: 900, month: month)
            )
            var months = 0
            for await _ in bookings {
                months += 1
                if months == 2 {
                    print("Ada: \(try await client.update(Subscription.changePrice, 1200, of: ada))")
                }
                // The second year has begun.
                if months == 13 { break }
            }
            _ = try await client.send(Subscription.cancel, "moved away", to: ada)
            _ = try await client.watch(ada)
            print("Ada leaves, having paid \(try await client.result(of: ada, Subscription.self) ?? 0)")

            let bob = try await client.start(
                Subscription.self,
                Subscription.Terms(customer: "Bob", cents: 1000, month: month)
            )
            print("Bob: \(try await client.update(Subscription.changePrice, 1500, of: bob))")
            print("Bob's card never pays: \(try await client.watch(bob).state.rawValue)")
        }
        let open: Int64 = try await engine.postgres.query(
            Query("members_open", "SELECT count(*) FROM members WHERE is_open")
        )[0][0]
        print("\(open) of 2 members may come in")
    }
}

private struct CardDeclined: Error, CustomStringConvertible {
    let description = "the card was declined"
}
