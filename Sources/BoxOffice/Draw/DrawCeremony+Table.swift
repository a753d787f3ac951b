internal import Postgres

extension DrawCeremony {
    /// The columns of `draws d` and of `on_sales o` that ``init(_:at:)`` reads.
    static let columns: SQL = """
        d.keeper, CASE WHEN d.keeper = 'usher' OR d.revealed_at IS NOT NULL THEN o.draw_secret END, d.reveal_seconds,
        d.beacon, d.beacon_url, d.beacon_genesis, d.beacon_period, d.beacon_words, d.beacon_wait_seconds,
        d.beacon_round, d.beacon_at, d.rooted_at, d.reveal_by, d.revealed_at, d.beacon_by, d.beacon_value,
        d.beacon_proof, d.beacon_taken_at, d.flags
        """

    init(_ row: Row, at first: Int) throws {
        keeper = try row[first]
        secret = try row[first + 1]
        revealSeconds = try row[first + 2]
        let at: PostgresTimestamp? = try row[first + 10]
        switch try row[first + 3] as String {
        case "drand":
            beacon = .drand(
                url: try row[first + 4],
                genesis: try row[first + 5],
                period: try row[first + 6]
            )
        case "announced":
            beacon = .announced(try row[first + 7], at: at ?? PostgresTimestamp(microseconds: 0))
        default: beacon = .none
        }
        beaconWaitSeconds = try row[first + 8]
        let round: Int64? = try row[first + 9]
        due = at.map { BeaconDue(round: round, at: $0) }
        rootedAt = try row[first + 11]
        revealBy = try row[first + 12]
        revealedAt = try row[first + 13]
        beaconBy = try row[first + 14]
        value = try row[first + 15]
        proof = try row[first + 16]
        takenAt = try row[first + 17]
        flags = (try row[first + 18] as [String]).compactMap(Flag.init(rawValue:))
    }

    /// What scheduling promised.
    var terms: DrawTerms {
        DrawTerms(
            beacon: beacon,
            beaconWaitSeconds: beaconWaitSeconds,
            commitment: keeper == .promoter ? [] : nil,
            revealSeconds: revealSeconds
        )
    }

    /// The ceremony of an on-sale whose row the caller has locked.
    ///
    /// Uses the primary keys.
    ///
    /// - Throws: `OnSaleProblem.unknown`.
    static func read(_ id: OnSaleID, in tx: inout Transaction) async throws -> DrawCeremony {
        let row = try await tx.first(
            Query(
                "draw.ceremony",
                """
                SELECT \(fragment: columns) FROM draws d JOIN on_sales o USING (on_sale_id)
                WHERE d.on_sale_id = \(id.rawValue) AND o.on_sale_id = \(id.rawValue)
                """
            )
        )
        guard let row else { throw OnSaleProblem.unknown }
        return try DrawCeremony(row, at: 0)
    }

    /// The priority of each entry, in order of arrival; nil without groups, and before the root.
    ///
    /// Uses the primary key.
    static func priorities(
        of id: OnSaleID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [UInt8]? {
        let query = Query(
            "draw.priorities",
            "SELECT priorities FROM draws WHERE on_sale_id = \(id.rawValue)"
        )
        return try await database.query(query).first?[0]
    }

    /// Writes what scheduling promises.
    static func insert(_ terms: DrawTerms, startsAt: PostgresTimestamp, for id: OnSaleID) -> Query {
        let due = terms.promised(startsAt: startsAt)
        let keeper: Keeper = terms.commitment == nil ? .usher : .promoter
        let (kind, url, genesis, period, words) = terms.beacon.columns
        return Query(
            "draw.promise",
            """
            INSERT INTO draws (on_sale_id, keeper, reveal_seconds, beacon, beacon_url, beacon_genesis, beacon_period,
                beacon_words, beacon_wait_seconds, beacon_round, beacon_at)
            VALUES (\(id.rawValue), \(keeper), \(terms.revealSeconds), \(kind), \(url), \(genesis), \(period),
                \(words), \(terms.beaconWaitSeconds), \(due?.round), \(due?.at))
            """
        )
    }

    /// Promises the beacon that fits another start.
    static func promiseAgain(_ due: BeaconDue, for id: OnSaleID) -> Query {
        Query(
            "draw.promise_again",
            """
            UPDATE draws SET beacon_round = \(due.round), beacon_at = \(due.at) WHERE on_sale_id = \(id.rawValue)
            """
        )
    }
}

extension DrawTerms.Beacon {
    fileprivate var columns:
        (kind: String, url: String?, genesis: PostgresTimestamp?, period: Int?, words: String?)
    {
        switch self {
        case .none: ("none", nil, nil, nil, nil)
        case .drand(let url, let genesis, let period): ("drand", url, genesis, period, nil)
        case .announced(let words, _): ("announced", nil, nil, nil, words)
        }
    }
}
