import Jobs
import Postgres
import Workflows

/// A membership that is paid for each month, until its member has had enough or the card has.
struct Subscription: Workflow {
    struct Terms: Codable, Sendable {
        var customer: String
        /// Of a month.
        var cents: Int
        /// In seconds.
        var month = 30.0 * 86_400
        var year = 1
        /// Cents, in all.
        var paid = 0
    }

    static let name = "subscription"
    static let cancel = EventKey<String>("cancel")
    static let changePrice = UpdateKey<Int, String>("change price")
    /// A failure that an effect's own policy has given up on ends the run.
    static let retry = RetryPolicy.never
    let charge: @Sendable (_ customer: String, _ cents: Int, _ idempotencyKey: String) async throws -> Void

    /// Returns what was paid, in cents.
    func run(_ context: WorkflowContext, _ terms: Terms) async throws -> Int {
        var terms = terms
        let customer = terms.customer
        try context.tag("customer", customer)
        try await open(context, customer, true)
        // When the run fails, because the card has failed too often, the door closes.
        context.compensate("membership") { undo in try await open(undo, customer, false) }

        for month in 1...12 {
            try context.publish("status", "year \(terms.year), month \(month), \(terms.cents) cents")
            guard try await monthPasses(context, &terms) else {
                try await open(context, customer, false)
                return terms.paid
            }
            // Dunning: four attempts, three days apart if a month has thirty.
            let cents = terms.cents
            try await context.effect("charge", retry: .fixed(.seconds(terms.month / 10), max: 4)) { key in
                try await charge(customer, cents, key)
            }
            terms.paid += cents
        }
        // A run's history must not grow for ever: each year begins a new one.
        terms.year += 1
        try context.continueAsNew(terms)
    }

    private enum Wake: Sendable {
        case cancelled, over
        case price(UpdateRequest<Int, String>)
    }

    /// Waits for the month's end; changes the price meanwhile, as often as asked.
    ///
    /// Returns false if the member cancels.
    private func monthPasses(_ context: WorkflowContext, _ terms: inout Terms) async throws -> Bool {
        let end = try await context.now() + .seconds(terms.month)
        while true {
            let wake = try await context.first(
                on(Self.cancel) { _ in Wake.cancelled },
                context.received(Self.changePrice) { .price($0) },
                until(end) { .over }
            )
            switch wake {
            case .cancelled: return false
            case .over: return true
            case .price(let request) where request.payload <= 0:
                try context.refuse(request, because: "a month costs more than \(request.payload) cents")
            case .price(let request):
                terms.cents = request.payload
                try context.reply(to: request, with: "\(terms.cents) cents from this month on")
            }
        }
    }

    private func open(_ context: WorkflowContext, _ customer: String, _ isOpen: Bool) async throws {
        try await context.step(isOpen ? "open" : "close") { tx in
            try await tx.execute(
                Query(
                    "member_open",
                    """
                    INSERT INTO members (customer, is_open) VALUES (\(customer), \(isOpen))
                    ON CONFLICT (customer) DO UPDATE SET is_open = excluded.is_open
                    """
                )
            )
        }
    }
}
