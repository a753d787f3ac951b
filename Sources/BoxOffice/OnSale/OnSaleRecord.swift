package import Postgres

/// All that a promoter may see of an on-sale.
package struct OnSaleRecord: Sendable {
    package let id: OnSaleID
    package let title: String
    package let venue: String
    package let city: String
    package let currency: String
    package let opensAt: PostgresTimestamp
    package let startsAt: PostgresTimestamp
    package let closesAt: PostgresTimestamp
    package let rules: Plan.AdmissionRules
    package let state: OnSaleState
    package let pausedAt: PostgresTimestamp?
    package let message: String?
    package let serving: Int64
    package let issued: Int64
    package let seq: Int64
    package let noShow: Double
    /// Why the last tick called as many as it did.
    package let admissionNote: String?
    package let createdAt: PostgresTimestamp
    /// The plan as it is in force.
    package let plan: JSONB
    /// Whom the waiting room takes.
    package let buyers: Plan.Buyers

    static let columns: SQL = """
        o.on_sale_id, o.title, o.venue, o.city, o.currency, o.opens_at, o.starts_at, o.closes_at, o.rate_per_minute,
        o.active_limit, o.turn_seconds, o.session_seconds, o.state, o.paused_at, o.message, o.serving, a.issued,
        o.seq, o.no_show, o.admission_note, o.created_at, o.plan, o.buyers, o.reoffer_limit, o.reoffer_seconds
        """

    init(_ row: Row) throws {
        id = OnSaleID(rawValue: try row[0])
        title = try row[1]
        venue = try row[2]
        city = try row[3]
        currency = try row[4]
        opensAt = try row[5]
        startsAt = try row[6]
        closesAt = try row[7]
        rules = Plan.AdmissionRules(
            ratePerMinute: try row[8],
            activeLimit: try row[9],
            turnSeconds: try row[10],
            sessionSeconds: try row[11],
            reofferLimit: try row[23],
            reofferSeconds: try row[24]
        )
        state = try row[12]
        pausedAt = try row[13]
        message = try row[14]
        serving = try row[15]
        issued = try row[16]
        seq = try row[17]
        noShow = try row[18]
        admissionNote = try row[19]
        createdAt = try row[20]
        plan = try row[21]
        buyers = try row[22]
    }
}
