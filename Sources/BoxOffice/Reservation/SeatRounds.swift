internal import Postgres

/// Finds and locks numbered seats for a batch, in a few rounds.
///
/// What is free is read once, without a lock, and chosen by ``SeatPicker``; the choice is then locked with SKIP LOCKED,
/// which looks again whether it is free. A seat that another transaction has got first is not waited for: whoever lost
/// one picks again in the next round, without the seats that are contended. Where seats are contended nobody is told that there are none that fit,
/// because those may come back.
enum SeatRounds {
    private static let rounds = 3

    static func run(for batch: inout HoldBatch, in transaction: inout Transaction) async throws {
        var taken: [Int64: Set<Int>] = [:]
        var contended: Set<Int64> = []
        try await named(&batch, &taken, in: &transaction)
        if batch.unseated.isEmpty { return }
        let free = try await pickers(for: Set(batch.unseated.map(\.key)), in: &transaction)
        for _ in 0..<rounds {
            let unseated = batch.unseated
            if unseated.isEmpty { return }
            var pickers = free
            for (key, seats) in taken.flatMap({ onSale, seats in
                pickers.keys.filter { $0.onSale == onSale }.map { ($0, seats) }
            }) {
                pickers[key]?.remove(seats)
            }
            var picks: [(index: Int, key: TierKey, seats: [Int], together: Together)] = []
            for (index, key, party) in unseated {
                let isCertain = !contended.contains(key.onSale)
                switch pickers[key]?.pick(party) {
                case .seats(let seats, let together): picks.append((index, key, seats, together))
                case .notTogether(let closest): if isCertain { batch.refuse(index, .notTogether(closest)) }
                case .noAccessible(let left):
                    if isCertain { batch.refuse(index, .noAccessibleSeats(left: left)) }
                case .tooFew, nil: continue
                }
            }
            if picks.isEmpty { return }
            let locked = try await lock(picks.map { ($0.key.onSale, $0.seats) }, in: &transaction)
            for pick in picks {
                let got = pick.seats.compactMap { locked[SeatKey(onSale: pick.key.onSale, seat: $0)] }
                if got.count == pick.seats.count {
                    batch.seat(pick.index, in: pick.key, got, pick.together)
                    taken[pick.key.onSale, default: []].formUnion(pick.seats)
                } else {
                    contended.insert(pick.key.onSale)
                    let have = Set(got.map(\.seat))
                    taken[pick.key.onSale, default: []].formUnion(pick.seats.filter { !have.contains($0) })
                }
            }
        }
    }

    private struct SeatKey: Hashable {
        var onSale: Int64
        var seat: Int
    }

    /// Locks the seats that buyers named themselves: all of a request's or none.
    private static func named(
        _ batch: inout HoldBatch,
        _ taken: inout [Int64: Set<Int>],
        in transaction: inout Transaction
    ) async throws {
        let requests = batch.unresolved
        if requests.isEmpty { return }
        let byOnSale = Dictionary(grouping: requests, by: \.onSale).sorted { $0.key < $1.key }
        let found = try await transaction.pipeline(
            byOnSale.map { find($0.value.flatMap(\.labels), onSale: $0.key) }
        )
        var known: [Int64: [String: (seat: Int, tier: String)]] = [:]
        for (entry, rows) in zip(byOnSale, found) {
            for row in rows { known[entry.key, default: [:]][try row[0]] = (try row[1], try row[2]) }
        }
        var picks: [(index: Int, key: TierKey, seats: [Int], labels: [String])] = []
        for request in requests {
            let seats = request.labels.compactMap { known[request.onSale]?[$0] }
            let tiers = Set(seats.map(\.tier))
            guard seats.count == request.labels.count, Set(request.labels).count == seats.count,
                tiers.count == 1,
                let tier = tiers.first
            else {
                batch.refuse(request.index, .unknownChoice)
                continue
            }
            picks.append(
                (
                    request.index, TierKey(onSale: request.onSale, tier: tier), seats.map(\.seat),
                    request.labels
                )
            )
        }
        let locked = try await lock(picks.map { ($0.key.onSale, $0.seats) }, in: &transaction)
        for pick in picks {
            let claimed = taken[pick.key.onSale, default: []]
            let got = pick.seats.compactMap {
                claimed.contains($0) ? nil : locked[SeatKey(onSale: pick.key.onSale, seat: $0)]
            }
            if got.count == pick.seats.count {
                batch.seat(pick.index, in: pick.key, got)
                taken[pick.key.onSale, default: []].formUnion(pick.seats)
            } else {
                let have = Set(got.map(\.label))
                batch.refuse(pick.index, .seatsTaken(pick.labels.filter { !have.contains($0) }))
            }
        }
    }

    private static func pickers(
        for keys: Set<TierKey>,
        in transaction: inout Transaction
    ) async throws -> [TierKey: SeatPicker] {
        let keys = keys.sorted()
        let results = try await transaction.pipeline(keys.map(freeRows))
        var pickers: [TierKey: SeatPicker] = [:]
        for (key, rows) in zip(keys, results) {
            pickers[key] = SeatPicker(
                try rows.map { row in
                    let positions: [Int] = try row[3]
                    let seats: [Int] = try row[4]
                    let accessible: [Bool] = try row[5]
                    let focus = SeatRow.Focus(row: try row[6], aside: try row[7])
                    return SeatRow(
                        section: try row[0],
                        row: try row[1],
                        middle: try row[2],
                        free: positions.indices.map {
                            SeatRow.Place(
                                position: positions[$0],
                                seat: seats[$0],
                                accessible: accessible[$0]
                            )
                        },
                        focus: focus
                    )
                }
            )
        }
        return pickers
    }

    private static func lock(
        _ wanted: [(onSale: Int64, seats: [Int])],
        in transaction: inout Transaction
    ) async throws -> [SeatKey: HoldBatch.LockedSeat] {
        let byOnSale = Dictionary(grouping: wanted, by: \.onSale).sorted { $0.key < $1.key }
        if byOnSale.isEmpty { return [:] }
        let results = try await transaction.pipeline(
            byOnSale.map { lock($0.value.flatMap(\.seats), onSale: $0.key) }
        )
        var locked: [SeatKey: HoldBatch.LockedSeat] = [:]
        for (entry, rows) in zip(byOnSale, results) {
            for row in rows {
                let seat = HoldBatch.LockedSeat(seat: try row[0], label: try row[1])
                locked[SeatKey(onSale: entry.key, seat: seat.seat)] = seat
            }
        }
        return locked
    }

    /// Uses `seats_by_label`.
    private static func find(_ labels: [String], onSale: Int64) -> Query {
        Query(
            "hold.find_seats",
            "SELECT label, seat, tier FROM seats WHERE on_sale_id = \(onSale) AND label = ANY (\(labels))"
        )
    }

    /// Reads the tier's seats through `seats_by_tier`, and gives one row for each row of the house that has free ones,
    /// with the focus of its section, by the primary key of `sections`.
    private static func freeRows(_ key: TierKey) -> Query {
        Query(
            "hold.free_seats",
            """
            SELECT r.section, r.row_number, r.row_middle, r.positions, r.seats, r.accessible, c.focus_row,
                c.focus_aside
            FROM (
                SELECT section, row_number, row_middle, array_agg(position ORDER BY position) AS positions,
                    array_agg(seat ORDER BY position) AS seats,
                    array_agg(accessible ORDER BY position) AS accessible
                FROM seats
                WHERE on_sale_id = \(key.onSale) AND tier = \(key.tier) AND state = 'free'
                GROUP BY section, row_number, row_middle
            ) AS r
            CROSS JOIN LATERAL (
                SELECT focus_row, focus_aside FROM sections
                WHERE on_sale_id = \(key.onSale) AND ordinal = r.section LIMIT 1
            ) AS c
            """
        )
    }

    /// Uses the primary key of `seats`.
    ///
    /// Seats that others have locked or taken are left out.
    private static func lock(_ seats: [Int], onSale: Int64) -> Query {
        Query(
            "hold.lock_seats",
            """
            SELECT seat, label FROM seats
            WHERE on_sale_id = \(onSale) AND seat = ANY (\(seats)) AND state = 'free'
            ORDER BY seat
            FOR NO KEY UPDATE SKIP LOCKED
            """
        )
    }
}
