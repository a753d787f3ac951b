internal import BoxOffice
internal import Foundation
internal import Jobs
internal import Postgres
internal import Workflows

/// `usher orders`: where orders are kept, and all orders of an on-sale.
enum OrdersCommand {
    static let csv = Option("csv", .flag, help: "Comma-separated values with a header, instead of JSON lines")
    static let keepDays = Option(
        "keep-days",
        .number(7...36_500),
        initial: "90",
        help: "Days after an on-sale has closed that its orders stay"
    )

    static let command = Command(
        "orders",
        "Show where orders are kept, archive old ones, and export those of an on-sale",
        subcommands: [ranges, archive, export]
    )

    private static let ranges = Command(
        "ranges",
        "Show the ranges that orders are kept by",
        discussion: """
            A range is a span of ids, and so of time. ORDERS is what vacuum counted last; SINCE is when it was made, archived
            or packed.
            """,
        options: [.json] + Option.database
    ) { invocation in
        let found = try await withPlace(invocation) { try await OrderArchive.ranges(in: $0.postgres) }
        if invocation.arguments.flag(.json) { return try found.forEach { print(try JSONLine.text($0)) } }
        print("RANGE\tSTATE\tORDERS\tBYTES\tSINCE")
        for range in found {
            let orders = range.orders < 0 ? "-" : "\(range.orders)"
            print("\(range.range)\t\(range.state.rawValue)\t\(orders)\t\(range.bytes)\t\(range.since)")
        }
    }

    private static let archive = Command(
        "archive",
        "Start archiving now, and not at night",
        discussion:
            "Prints the number of the run; usher runs show says what it did, and what stays for which reason.",
        options: [keepDays] + Option.database
    ) { invocation in
        let days = invocation.arguments.number(keepDays) ?? 90
        let run = try await withPlace(invocation) {
            try await WorkflowClient(postgres: $0.postgres).start(
                ArchiveOrders.self,
                ArchiveOrders.Input(keepDays: days)
            )
        }
        print(run.rawValue)
    }

    private static let export = Command(
        "export",
        "Print all orders of an on-sale, archived ones as well",
        discussion: "One line an order, in the order in which they were made; amounts are in minor units.",
        options: [csv] + Option.database,
        operands: [.init(name: "ON_SALE", help: "The on-sale's id (os_...)")]
    ) { invocation in
        let given = invocation.arguments.operands[0]
        guard let id = OnSaleID(publicID: given) else {
            throw UsageError(
                command: invocation.path,
                message: "ON_SALE is an id such as os_7, not \"\(given)\""
            )
        }
        let isCSV = invocation.arguments.flag(csv)
        try await withPlace(invocation) { place in
            do {
                _ = try await OnSales(postgres: place.postgres).find(id)
            } catch OnSaleProblem.unknown {
                throw Failure("there is no on-sale \(given)")
            }
            if isCSV { print(OrderTable.header) }
            try await OrderRecord.each(of: id, in: place.postgres) { orders in
                for order in orders { print(isCSV ? OrderTable.line(order) : try JSONLine.text(order)) }
            }
        }
    }
}
