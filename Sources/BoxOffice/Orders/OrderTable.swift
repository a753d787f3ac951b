/// Orders as comma-separated values (RFC 4180).
package enum OrderTable {
    /// The names of the columns.
    package static let header =
        "reservation,state,tier,quantity,seats,total,currency,held_at,ended_at,payment,payment_state,archived"

    /// An order, without the end of the line.
    package static func line(_ order: OrderRecord) -> String {
        [
            order.reservation, order.state, order.tier, "\(order.quantity)",
            order.seats.joined(separator: " "), "\(order.total)", order.currency, order.held_at,
            order.ended_at ?? "", order.payment ?? "", order.payment_state ?? "", "\(order.archived)",
        ].map(field).joined(separator: ",")
    }

    /// A spreadsheet takes what begins like a formula for one, so that gets an apostrophe in front.
    package static func field(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let safe = isFormula ? "'" + text : text
        guard safe.contains(where: { ",\"\n\r".contains($0) }) else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }
}
