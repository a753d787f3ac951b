internal import Postgres

extension Reservations {
    /// The statement that makes the holds of an on-sale end later, for pauses and outages.
    ///
    /// Their runs notice when they wake. It locks the holds in the order in which everybody does, by
    /// `reservations_by_admission`; payments that are under way keep their deadline.
    static func prolong(_ onSale: OnSaleID, by duration: Duration) -> Query {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        return Query(
            "reservations.prolong",
            """
            WITH holds AS MATERIALIZED (
                SELECT id FROM reservations
                WHERE on_sale_id = \(onSale.rawValue) AND state = 'held'
                ORDER BY id
                FOR NO KEY UPDATE
            )
            UPDATE reservations AS r
            SET expires_at = r.expires_at + make_interval(secs => \(seconds)),
                hold_ends_at = r.hold_ends_at + make_interval(secs => \(seconds))
            FROM holds WHERE r.id = holds.id
            """
        )
    }
}
