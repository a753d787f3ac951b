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
            groups(plan.groups, onSale),
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
                held, paying, sold, only_for, public_at)
            SELECT \(onSale.rawValue), t.id, t.ordinal, t.name, t.price, \(plan.currency), t.numbered, t.capacity,
                t.capacity, 0, 0, 0, 0, t.only_for::smallint[], t.public_at
            FROM unnest(\(plan.tiers.map(\.id)), \(plan.tiers.map(\.name)), \(plan.tiers.map(\.price)),
                        \(plan.tiers.map(\.numbered)), \(plan.tiers.map { plan.capacity(ofTier: $0.id) }),
                        \(plan.tiers.map { Self.ordinals($0.onlyFor, plan.groups) }), \(plan.tiers.map(\.publicAt)))
                WITH ORDINALITY AS t (id, name, price, numbered, capacity, only_for, public_at, ordinal)
            """
        )
    }

    /// As Postgres writes an array of numbers.
    private static func ordinals(_ ids: [String], _ groups: [BuyerGroup]) -> String {
        let ordinals = ids.compactMap { id in groups.firstIndex { $0.id == id }.map { "\($0 + 1)" } }
        return "{\(ordinals.joined(separator: ","))}"
    }

    private static func groups(_ groups: [BuyerGroup], _ onSale: OnSaleID) -> Query {
        Query(
            "stock.install_groups",
            """
            INSERT INTO groups (on_sale_id, ordinal, id, name, priority, max_per_buyer)
            SELECT \(onSale.rawValue), g.ordinal, g.id, g.name, g.priority, g.max_per_buyer
            FROM unnest(\(groups.map(\.id)), \(groups.map(\.name)), \(groups.map(\.priority)),
                        \(groups.map(\.maxPerBuyer)))
                WITH ORDINALITY AS g (id, name, priority, max_per_buyer, ordinal)
            """
        )
    }

    private static func sections(_ plan: Plan, _ onSale: OnSaleID) -> Query {
        let foci = plan.sections.map(Self.focus)
        return Query(
            "stock.install_sections",
            """
            INSERT INTO sections (on_sale_id, ordinal, id, name, tier, focus_row, focus_aside)
            SELECT \(onSale.rawValue), s.ordinal - 1, s.id, s.name, s.tier, s.focus_row, s.focus_aside
            FROM unnest(\(plan.sections.map(\.id)), \(plan.sections.map(\.name)), \(plan.sections.map(\.tier)),
                        \(foci.map(\.row)), \(foci.map(\.aside)))
                WITH ORDINALITY AS s (id, name, tier, focus_row, focus_aside, ordinal)
            """
        )
    }

    /// Where the best seat of a section is, in the terms of ``SeatRow``.
    private static func focus(of section: Plan.Section) -> SeatRow.Focus {
        guard case .seated(let rows) = section.room, let focus = section.focus,
            let index = rows.firstIndex(where: { $0.label == focus.row }),
            let first = rows[index].seats.first, let last = rows[index].seats.last
        else { return SeatRow.Focus() }
        return SeatRow.Focus(row: index, aside: 2 * focus.seat - first.number - last.number)
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
        var rowMiddle: Int
    }

    /// The seats of the plan, numbered from 1 in the order of the plan.
    private static func numberedSeats(_ plan: Plan) -> [NumberedSeat] {
        var seats: [NumberedSeat] = []
        for (ordinal, section) in plan.sections.enumerated() {
            guard case .seated(let rows) = section.room else { continue }
            for (number, row) in rows.enumerated() {
                let middle = (row.seats.first?.number ?? 0) + (row.seats.last?.number ?? 0)
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
                            accessible: seat.accessible,
                            rowMiddle: middle
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
                row_middle, state)
            SELECT \(onSale.rawValue), s.seat, s.section, s.row_number, s.position, s.tier, s.label, s.row_label,
                s.accessible, s.row_middle, 'free'
            FROM unnest(\(seats.map(\.seat)), \(seats.map(\.section)), \(seats.map(\.row)), \(seats.map(\.position)),
                        \(seats.map(\.tier)), \(seats.map(\.label)), \(seats.map(\.rowLabel)),
                        \(seats.map(\.accessible)), \(seats.map(\.rowMiddle)))
                AS s (seat, section, row_number, position, tier, label, row_label, accessible, row_middle)
            """
        )
    }
}
