package import Postgres

/// One line of the event log: something that became true of an on-sale.
///
/// Written in the transaction that made it true, and never changed.
package struct Fact: Sendable, Equatable {
    /// Its place in the log; grows along the log, with gaps.
    package let seq: Int64
    /// The number of the on-sale that it is of; facts of one on-sale are told in their order.
    package let onSale: Int64
    /// What happened, such as `reservation.held`.
    package let kind: String
    /// Which schema of its kind ``data`` fits.
    package let version: Int
    /// A JSON object; see `docs/events`.
    package let data: JSONB
    /// The time of the transaction, by the schema's clock.
    package let recordedAt: PostgresTimestamp

    /// Makes one, as it was read.
    package init(
        seq: Int64,
        onSale: Int64,
        kind: String,
        version: Int,
        data: JSONB,
        recordedAt: PostgresTimestamp
    ) {
        self.seq = seq
        self.onSale = onSale
        self.kind = kind
        self.version = version
        self.data = data
        self.recordedAt = recordedAt
    }

    /// What ``init(_:)`` reads of `facts AS f`.
    static let columns: SQL = "f.seq, f.on_sale_id, f.kind, f.version, f.data, f.recorded_at"

    init(_ row: Row) throws {
        seq = try row[0]
        onSale = try row[1]
        kind = try row[2]
        version = try row[3]
        data = try row[4]
        recordedAt = try row[5]
    }
}
