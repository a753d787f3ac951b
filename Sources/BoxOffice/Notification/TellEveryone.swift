internal import Jobs
package import Postgres
package import Workflows

/// Tells everyone in a line who wants to be told: that times have moved, that it was called off, that it pauses for long,
/// or what they drew.
///
/// A page at a time, each with its notifications and their deliveries in one commit.
package struct TellEveryone: Workflow {
    package static let name = "tell_everyone"

    /// What everyone is told.
    package enum Kind: String, Sendable, Codable {
        case rescheduled, cancelled, drawn, paused
    }

    /// What is told, and how far it has come.
    package struct Input: Sendable, Codable, Equatable {
        package let onSale: OnSaleID
        package let kind: Kind
        /// The telling of changes that it is; nil where nothing newer can make it untrue.
        package let telling: Int?
        /// When what is told began, where it can happen again.
        package let since: PostgresTimestamp?
        /// The last arrival that was told.
        var after: Int64 = 0

        package init(
            onSale: OnSaleID,
            kind: Kind,
            telling: Int? = nil,
            since: PostgresTimestamp? = nil
        ) {
            self.onSale = onSale
            self.kind = kind
            self.telling = telling
            self.since = since
        }

        /// Starts the run under this key, so that nothing is told twice.
        package var key: String {
            "tell:\(onSale):\(kind.rawValue):\(since?.microseconds ?? Int64(telling ?? 0))"
        }
    }

    struct Page: Sendable, Codable {
        var last: Int64?
        var notices: [String]
    }

    private static let pageSize = 200

    private let orders: DrawOrders

    package init(orders: DrawOrders) { self.orders = orders }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> Int {
        let orders = orders
        let page = try await context.step("page") { tx in try await Self.write(input, orders, in: tx) }
        for notice in page.notices { _ = try await context.start(Notify.self, notice) }
        guard let last = page.last else { return 0 }
        var next = input
        next.after = last
        try context.continueAsNew(next)
    }

    static func write(
        _ input: Input,
        _ orders: DrawOrders,
        in tx: borrowing Transaction
    ) async throws -> Page {
        let contacts = try await tx.query(page(input))
        let arrivals: [Int64] = try contacts.map { try $0[0] }
        var payloads = arrivals.map { _ in JSONB(text: "{}") }
        if input.kind == .drawn {
            let sale = try await tx.first(
                Query(
                    "tellings.draw",
                    "SELECT entries, draw_key FROM on_sales WHERE on_sale_id = \(input.onSale.rawValue)"
                )
            )
            for (index, arrival) in arrivals.enumerated() {
                let number = try await Places.number(
                    of: arrival,
                    input.onSale,
                    entries: try sale?[0],
                    key: try sale?[1],
                    orders: orders,
                    in: tx
                )
                payloads[index] = JSONB(text: PlanValue.object(["number": .integer(Int(number ?? 0))]).json)
            }
        }
        let written = arrivals.isEmpty ? [] : try await tx.query(insert(input, arrivals, payloads))
        return Page(
            last: arrivals.count == pageSize ? arrivals.last : nil,
            notices: try written.map { try $0[0] }
        )
    }

    /// Uses the primary key of `contacts`.
    static func page(_ input: Input) -> Query {
        Query(
            "tellings.page",
            """
            SELECT arrival FROM contacts
            WHERE on_sale_id = \(input.onSale.rawValue) AND arrival > \(input.after) AND unsubscribed_at IS NULL
            ORDER BY arrival LIMIT \(pageSize)
            """
        )
    }

    private static func insert(_ input: Input, _ arrivals: [Int64], _ payloads: [JSONB]) -> Query {
        Query(
            "tellings.insert",
            """
            SELECT w.key FROM (
                SELECT array_agg(k.payload) AS payloads, array_agg(k.arrival) AS arrivals,
                    array_agg(concat_ws(':', \(input.key), k.arrival)) AS keys, count(*)::integer AS n
                FROM unnest(\(arrivals), \(payloads)) AS k (arrival, payload)
            ) AS g, write_notifications(array_fill(\(input.kind.rawValue), ARRAY[g.n]),
                array_fill('place'::text, ARRAY[g.n]), g.payloads, g.keys, NULL,
                array_fill(\(input.onSale.rawValue), ARRAY[g.n]), g.arrivals,
                array_fill(\(input.telling.map(Int32.init)), ARRAY[g.n])) AS w (key)
            """
        )
    }
}

extension OnSales {
    /// Has everyone told of a change, in the commit that makes it; what is left of an older telling is dropped.
    static func tell(
        _ kind: TellEveryone.Kind,
        of id: OnSaleID,
        by workflows: WorkflowClient,
        in tx: inout Transaction
    ) async throws {
        let row = try await tx.first(
            Query(
                "tellings.count",
                "UPDATE on_sales SET tellings = tellings + 1 WHERE on_sale_id = \(id.rawValue) RETURNING tellings"
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        let input = TellEveryone.Input(onSale: id, kind: kind, telling: try row[0])
        _ = try await workflows.start(TellEveryone.self, input, key: input.key, in: &tx)
    }
}
