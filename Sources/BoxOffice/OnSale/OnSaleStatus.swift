package import Postgres

/// What a gateway keeps in memory of an on-sale, and most of what `/status` shows.
package struct OnSaleStatus: Sendable, Equatable {
    /// What is left of a price level.
    package struct Tier: Sendable, Equatable {
        package let id: String
        package let name: String
        package let price: Int64
        package let numbered: Bool
        package let capacity: Int
        package let free: Int
        /// Held or being paid: it may come back.
        package let held: Int
        package let sold: Int
        /// The ids of the groups that may buy of it; empty is everybody.
        package let onlyFor: [String]
        /// When it opens to everybody.
        package let publicAt: PostgresTimestamp?
    }

    package let id: OnSaleID
    package let title: String
    package let venue: String
    package let city: String
    package let currency: String
    package let opensAt: PostgresTimestamp
    package let startsAt: PostgresTimestamp
    package let closesAt: PostgresTimestamp
    package let state: OnSaleState
    package let pausedAt: PostgresTimestamp?
    package let serving: Int64
    /// The last number that was issued.
    package let last: Int64
    package let ratePerMinute: Int
    /// Why it is paused, as the promoter said.
    package let pauseReason: String?
    /// Whether the pause is a stop: nobody comes in or holds either.
    package let isStopped: Bool
    /// Until when everyone is let through for whom there may be a ticket.
    package let openUntil: PostgresTimestamp?
    /// How far the rate is lowered because what comes after the line can't keep up; times and reason as of the last tick.
    package let pressure: AdmissionPressure
    /// How fast the line moved; nil before the first tick.
    package let pace: LinePace?
    /// The part of those called that don't come.
    package let noShow: Double
    /// The part of those who came that bought.
    package let conversion: Double
    /// Tickets of a buyer who buys.
    package let meanBasket: Double
    /// Tickets that those inside or called will probably take.
    package let spoken: Double
    package let turnSeconds: Int
    package let sessionSeconds: Int
    /// How many tickets a buyer may have; some groups have a limit of their own.
    package let maxPerBuyer: Int
    package let message: String?
    /// Grows with everything here but the tiers' numbers; among equals the latest read counts.
    package let seq: Int64
    package let tiers: [Tier]
    /// Whom the waiting room takes.
    package let buyers: Plan.Buyers
    /// Published at scheduling.
    package let commitment: [UInt8]
    /// For buyers' fingerprints and receipts.
    ///
    /// Never leaves the gateway.
    package let entrySalt: [UInt8]
    /// How many were sealed in.
    package let entries: Int64?
    package let sealedAt: PostgresTimestamp?
    package let root: [UInt8]?
    package let drawKey: [UInt8]?
    /// The secret, revealed once the draw is made; nil before.
    package let revealedSecret: [UInt8]?
    package let drawnAt: PostgresTimestamp?
    /// Whom it goes to first; by their ordinals, from 1.
    package let groups: [BuyerGroup]
    /// Whether only members of a group may join.
    package let isInvitationOnly: Bool
    /// What was promised of the draw, and what has come of it.
    package let ceremony: DrawCeremony
    /// The database's time of this reading.
    package let readAt: PostgresTimestamp

    /// The state that buyers are told.
    package var publishedState: String { state.published(paused: pausedAt != nil) }

    /// All on-sales that still matter, in one statement: those that run, and those that ended within a day.
    package static func all(
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [OnSaleStatus] {
        try await database.query(
            Query(
                "on_sale.status",
                select("o.state NOT IN ('closed', 'cancelled') OR o.closes_at > now.at - interval '1 day'")
            )
        ).map(OnSaleStatus.init)
    }

    /// One on-sale, however long it is over; nil when there is none.
    package static func find(
        _ id: OnSaleID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> OnSaleStatus? {
        let condition: SQL =
            "o.on_sale_id = \(id.rawValue) AND d.on_sale_id = \(id.rawValue)"
        return try await database.query(Query("on_sale.status_of", select(condition)))
            .first.map(OnSaleStatus.init)
    }

    private static func select(_ condition: SQL) -> SQL {
        """
        WITH now AS MATERIALIZED (SELECT usher_now() AS at)
        SELECT o.on_sale_id, o.title, o.venue, o.city, o.currency, o.opens_at, o.starts_at, o.closes_at, o.state,
            o.paused_at, o.serving, a.issued, o.rate_per_minute, o.stopped, o.turn_seconds, o.session_seconds,
            o.message, o.seq, o.commitment, o.entry_salt, o.entries, o.sealed_at, o.root, o.draw_key,
            CASE WHEN o.drawn_at IS NOT NULL THEN o.draw_secret END, o.drawn_at, now.at, o.buyers,
            t.ids, t.names, t.prices, t.numbered, t.capacities, t.free, t.held, t.sold, t.only_for, t.public_at, g.ids,
            g.names, g.priorities, o.invitation_only, o.open_until, o.pause_reason, o.throttle, o.throttle_reason, o.pace,
            o.slow_pace, o.no_show, o.conversion, o.mean_basket, o.spoken,
            (SELECT max_per_buyer FROM reservation_rules WHERE on_sale_id = o.on_sale_id),
            \(fragment: DrawCeremony.columns)
        FROM now, on_sales o
            CROSS JOIN LATERAL (
                SELECT issued FROM arrivals WHERE on_sale_id = o.on_sale_id OFFSET 0) a
            JOIN draws d USING (on_sale_id)
            CROSS JOIN LATERAL (
                SELECT coalesce(array_agg(id ORDER BY ordinal), '{}') AS ids,
                    coalesce(array_agg(name ORDER BY ordinal), '{}') AS names,
                    coalesce(array_agg(price ORDER BY ordinal), '{}') AS prices,
                    coalesce(array_agg(numbered ORDER BY ordinal), '{}') AS numbered,
                    coalesce(array_agg(capacity ORDER BY ordinal), '{}') AS capacities,
                    coalesce(array_agg(free ORDER BY ordinal), '{}') AS free,
                    coalesce(array_agg(held + paying ORDER BY ordinal), '{}') AS held,
                    coalesce(array_agg(sold ORDER BY ordinal), '{}') AS sold,
                    coalesce(array_agg(array_to_string(only_for, ',') ORDER BY ordinal), '{}') AS only_for,
                    coalesce(array_agg(public_at ORDER BY ordinal), '{}') AS public_at
                FROM tiers WHERE on_sale_id = o.on_sale_id) t
            CROSS JOIN LATERAL (
                SELECT coalesce(array_agg(id ORDER BY ordinal), '{}') AS ids,
                    coalesce(array_agg(name ORDER BY ordinal), '{}') AS names,
                    coalesce(array_agg(priority ORDER BY ordinal), '{}') AS priorities
                FROM groups WHERE on_sale_id = o.on_sale_id) g
        WHERE \(fragment: condition)
        ORDER BY o.on_sale_id
        """
    }

    private init(_ row: Row) throws {
        id = OnSaleID(rawValue: try row[0])
        title = try row[1]
        venue = try row[2]
        city = try row[3]
        currency = try row[4]
        opensAt = try row[5]
        startsAt = try row[6]
        closesAt = try row[7]
        state = try row[8]
        pausedAt = try row[9]
        serving = try row[10]
        last = try row[11]
        ratePerMinute = try row[12]
        isStopped = try row[13]
        turnSeconds = try row[14]
        sessionSeconds = try row[15]
        message = try row[16]
        seq = try row[17]
        commitment = try row[18]
        entrySalt = try row[19]
        entries = try row[20]
        sealedAt = try row[21]
        root = try row[22]
        drawKey = try row[23]
        revealedSecret = try row[24]
        drawnAt = try row[25]
        readAt = try row[26]
        buyers = try row[27]
        groups = try Self.groups(row, at: 38)
        isInvitationOnly = try row[41]
        tiers = try Self.tiers(row, at: 28, groups)
        openUntil = try row[42]
        pauseReason = try row[43]
        pressure = AdmissionPressure(
            factor: try row[44],
            reason: (try row[45] as String?).flatMap(AdmissionPressure.Signal.init)
        )
        pace = try (row[46] as Double?).map { LinePace(quick: $0, slow: try row[47]) }
        noShow = try row[48]
        conversion = try row[49]
        meanBasket = try row[50]
        spoken = try row[51]
        maxPerBuyer = try row[52]
        ceremony = try DrawCeremony(row, at: 53)
    }

    private static func groups(_ row: Row, at column: Int) throws -> [BuyerGroup] {
        let ids: [String] = try row[column]
        let names: [String] = try row[column + 1]
        let priorities: [Int16] = try row[column + 2]
        return ids.indices.map { index in
            BuyerGroup(id: ids[index], name: names[index], priority: Int(priorities[index]), maxPerBuyer: nil)
        }
    }

    private static func tiers(_ row: Row, at column: Int, _ groups: [BuyerGroup]) throws -> [Tier] {
        let ids: [String] = try row[column]
        let names: [String] = try row[column + 1]
        let prices: [Int64] = try row[column + 2]
        let numbered: [Bool] = try row[column + 3]
        let capacities: [Int32] = try row[column + 4]
        let free: [Int32] = try row[column + 5]
        let held: [Int32] = try row[column + 6]
        let sold: [Int32] = try row[column + 7]
        let onlyFor: [String] = try row[column + 8]
        let publicAt: [PostgresTimestamp?] = try row[column + 9]
        return ids.indices.map { index in
            Tier(
                id: ids[index],
                name: names[index],
                price: prices[index],
                numbered: numbered[index],
                capacity: Int(capacities[index]),
                free: Int(free[index]),
                held: Int(held[index]),
                sold: Int(sold[index]),
                onlyFor: onlyFor[index].split(separator: ",").compactMap { Int($0) }.map {
                    groups[$0 - 1].id
                },
                publicAt: publicAt[index]
            )
        }
    }
}
