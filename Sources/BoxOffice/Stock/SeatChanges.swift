internal import Postgres

/// Seats that change hands, gathered over a batch and written with one statement per on-sale.
///
/// Whoever changes a seat has its lock already: it either took the seat with SKIP LOCKED or has locked the
/// reservation that owns it. So the order of these updates can't deadlock.
struct SeatChanges: Sendable {
    private struct Change: Sendable {
        var seat: Int
        var state: String
        var owner: Int64?
    }

    private var changes: [Int64: [Change]] = [:]

    /// `owner`: the reservation that has the seats from now on; none for free and withheld ones.
    mutating func add(_ seats: [Int], onSale: Int64, to column: TierColumn, owner: Int64) {
        let isOwned = column != .free && column != .withheld
        for seat in seats {
            let change = Change(seat: seat, state: "\(column)", owner: isOwned ? owner : nil)
            changes[onSale, default: []].append(change)
        }
    }

    /// The updates, by the primary key of `seats`; naming the on-sale picks the partition.
    func statements() -> [Query] {
        changes.sorted { $0.key < $1.key }.map { onSale, changes in
            Query(
                "seats.change",
                """
                UPDATE seats AS s SET state = c.state, reservation_id = c.owner
                FROM unnest(\(changes.map(\.seat)), \(changes.map(\.state)), \(changes.map(\.owner)))
                    AS c (seat, state, owner)
                WHERE s.on_sale_id = \(onSale) AND s.seat = c.seat
                """
            )
        }
    }
}

/// Seat numbers as the text of a Postgres array: rows of several lengths can't travel as one array.
enum SeatArray {
    static func text(_ seats: [Int]) -> String {
        "{" + seats.map(String.init).joined(separator: ",") + "}"
    }
}
