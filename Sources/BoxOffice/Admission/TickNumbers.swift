internal import Postgres

/// What a tick has to know besides the on-sale's own row, read in one statement.
struct TickNumbers: Sendable {
    let issued: Int64
    let active: Int
    /// Live sessions that hold nothing and have bought nothing.
    let undecided: Int
    /// Called, and neither in nor gone.
    let pending: Int
    let free: Int
    let held: Int
    let capacity: Int
    let meanBasket: Double
    /// Turns after the first.
    let reoffers: Reoffers.Counts

    /// Before anybody has bought, buyers are taken to want two; ten such buyers weigh as much as ten real ones.
    private static let supposedBuyers = 10.0
    private static let supposedBasket = 2.0

    /// Whether nothing is for sale and nothing can come back.
    var isSoldOut: Bool { capacity > 0 && free == 0 && held == 0 }

    static func read(_ onSale: OnSaleID, in tx: borrowing Transaction) async throws -> TickNumbers {
        let answers = try await tx.pipeline([TickStatements.numbers(onSale), Reoffers.count(onSale)])
        guard let row = answers[0].first, let again = answers[1].first else { throw OnSaleProblem.unknown }
        let reoffers = Reoffers.Counts(asking: try again[0], out: try again[1])
        let live: Int = try row[1]
        let called: Int = try row[3]
        let come: Int = try row[4]
        let tickets: Int = try row[8]
        let buyers: Int = try row[9]
        return TickNumbers(
            issued: try row[0],
            active: live,
            undecided: try row[2],
            pending: max(0, called - come) + reoffers.out,
            free: try row[5],
            held: try row[6],
            capacity: try row[7],
            meanBasket: (supposedBuyers * supposedBasket + Double(tickets))
                / (supposedBuyers + Double(buyers)),
            reoffers: reoffers
        )
    }
}
