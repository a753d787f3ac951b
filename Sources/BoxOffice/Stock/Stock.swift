package import Postgres

/// What there is to sell: tiers, sections and seats.
package enum Stock {
    /// Writes the tiers, sections, seats and rules of a plan that was checked, everything free.
    package static func install(
        _ plan: Plan,
        for onSale: OnSaleID,
        in transaction: inout Transaction
    ) async throws {
        _ = try await transaction.pipeline([
            rules(plan.reservations, onSale), tiers(plan, onSale), sections(plan, onSale),
        ])
        let seats = numberedSeats(plan)
        for start in stride(from: 0, to: seats.count, by: 4_000) {
            let end = min(start + 4_000, seats.count)
            _ = try await transaction.execute(insert(seats[start..<end], onSale))
        }
    }

    private static func rules(_ rules: Plan.ReservationRules, _ onSale: OnSaleID) -> Query {
        Query(
            "stock.install_rules",
            """
            INSERT INTO reservation_rules (on_sale_id, max_per_buyer, hold_seconds, extension_seconds,
                extension_limit, payment_seconds, grace_seconds, payment_limit)
            VALUES (\(onSale.rawValue), \(rules.maxPerBuyer), \(rules.holdSeconds), \(rules.extensionSeconds),
                \(rules.extensionLimit), \(rules.paymentSeconds), \(rules.graceSeconds), \(rules.paymentLimit))
            """
        )
    }

    private static func tiers(_ plan: Plan, _ onSale: OnSaleID) -> Query {
        Query(
            "stock.install_tiers",
            """
            INSERT INTO tiers (on_sale_id, id, ordinal, name, price, currency, numbered, capacity, free, withheld,
                held, paying, sold)
            SELECT \(onSale.rawValue), t.id, t.ordinal, t.name, t.price, \(plan.currency), t.numbered, t.capacity,
                t.capacity, 0, 0, 0, 0
            FROM unnest(\(plan.tiers.map(\.id)), \(plan.tiers.map(\.name)), \(plan.tiers.map(\.price)),
                        \(plan.tiers.map(\.numbered)), \(plan.tiers.map { plan.capacity(ofTier: $0.id) }))
                WITH ORDINALITY AS t (id, name, price, numbered, capacity, ordinal)
            """
        )
    }

    private static func sections(_ plan: Plan, _ onSale: OnSaleID) -> Query {
        Query(
            "stock.install_sections",
            """
            INSERT INTO sections (on_sale_id, ordinal, id, name, tier)
            SELECT \(onSale.rawValue), s.ordinal - 1, s.id, s.name, s.tier
            FROM unnest(\(plan.sections.map(\.id)), \(plan.sections.map(\.name)), \(plan.sections.map(\.tier)))
                WITH ORDINALITY AS s (id, name, tier, ordinal)
            """
        )
    }

    private struct NumberedSeat {
        var seat: Int
        var section: Int
        var row: Int
        var position: Int
        var tier: String
        var label: String
        var rowLabel: String
        var accessible: Bool
    }

    /// The seats of the plan, numbered from 1 in the order of the plan.
    private static func numberedSeats(_ plan: Plan) -> [NumberedSeat] {
        var seats: [NumberedSeat] = []
        for (ordinal, section) in plan.sections.enumerated() {
            guard case .seated(let rows) = section.room else { continue }
            for (number, row) in rows.enumerated() {
                for seat in row.seats {
                    seats.append(
                        NumberedSeat(
                            seat: seats.count + 1,
                            section: ordinal,
                            row: number,
                            position: seat.number,
                            tier: section.tier,
                            label: "\(section.id)-\(row.label)-\(seat.number)",
                            rowLabel: row.label,
                            accessible: seat.accessible
                        )
                    )
                }
            }
        }
        return seats
    }

    private static func insert(_ seats: ArraySlice<NumberedSeat>, _ onSale: OnSaleID) -> Query {
        Query(
            "stock.install_seats",
            """
            INSERT INTO seats (on_sale_id, seat, section, row_number, position, tier, label, row_label, accessible,
                state)
            SELECT \(onSale.rawValue), s.seat, s.section, s.row_number, s.position, s.tier, s.label, s.row_label,
                s.accessible, 'free'
            FROM unnest(\(seats.map(\.seat)), \(seats.map(\.section)), \(seats.map(\.row)), \(seats.map(\.position)),
                        \(seats.map(\.tier)), \(seats.map(\.label)), \(seats.map(\.rowLabel)),
                        \(seats.map(\.accessible)))
                AS s (seat, section, row_number, position, tier, label, row_label, accessible)
            """
        )
    }
}
