package import Postgres

/// One promise held against what clients were told and what the tables say.
///
/// The audit looks at the tables alone; what they can't know, because only a client has it in writing, is looked for here.
/// The demo, its chaos and the load tests all run these.
package struct SaleHistoryCheck: Sendable {
    /// The number of the promise in `docs/promises.md`.
    package let promise: Int
    /// What must hold.
    package let name: String
    /// Each thing that does not.
    private let find: @Sendable (SaleHistory, SaleTables) -> [String]

    init(_ promise: Int, _ name: String, _ find: @escaping @Sendable (SaleHistory, SaleTables) -> [String]) {
        self.promise = promise
        self.name = name
        self.find = find
    }

    /// What a check found.
    package struct Finding: Sendable {
        package let check: SaleHistoryCheck
        package let offenders: [String]

        /// One line for each offender.
        package var lines: [String] { offenders.map { "promise \(check.promise), \(check.name): \($0)" } }
    }

    /// What this check finds, sorted.
    package func offenders(_ history: SaleHistory, _ tables: SaleTables) -> [String] {
        find(history, tables).sorted()
    }

    /// Runs all checks on an on-sale; a history without fault gives findings without offenders.
    package static func findings(
        _ history: SaleHistory,
        of onSale: OnSaleID,
        in postgres: PostgresClient
    ) async throws -> [Finding] {
        let tables = try await SaleTables.read(onSale, for: history, from: postgres)
        return all.map { Finding(check: $0, offenders: $0.offenders(history, tables)) }
    }

    /// All checks, by promise.
    package static let all: [SaleHistoryCheck] = stock + endings + places + sessions + answers

    // MARK: Promise 3

    private static let stock = [
        SaleHistoryCheck(3, "the tickets that were told sold fit the house") { history, tables in
            var sold: [ReservationID: Int] = [:]
            for case .sold(let id, let tickets) in history.answers { sold[id] = tickets }
            // What was refunded may have been sold to somebody else since.
            let kept = sold.filter { tables.reservations[$0.key]?.state != .refunded }.values.reduce(0, +)
            return kept > tables.capacity ? ["\(kept) tickets told sold of \(tables.capacity)"] : []
        }
    ]

    // MARK: Promise 4

    private static let endings = [
        SaleHistoryCheck(4, "no reservation was told two endings") { history, _ in
            var told: [ReservationID: Set<String>] = [:]
            for answer in history.answers {
                switch answer {
                // A sale may be refunded, which is the one way on from an ending.
                case .sold(let id, _), .refunded(let id): told[id, default: []].insert("sold")
                case .released(let id): told[id, default: []].insert("released")
                case .expired(let id): told[id, default: []].insert("expired")
                case .joined, .stood, .left, .admitted, .held: break
                }
            }
            return told.filter { $0.value.count > 1 }.map {
                "\($0.key.publicID) is \($0.value.sorted().joined(separator: " and "))"
            }
        },
        SaleHistoryCheck(4, "what was told to have ended has ended so") { history, tables in
            history.answers.compactMap { answer -> String? in
                guard let told = answer.ending else { return nil }
                guard let state = tables.reservations[told.id]?.state else {
                    return "\(told.id.publicID) is not there"
                }
                return told.states.contains(state)
                    ? nil : "\(told.id.publicID) is \(state.rawValue), told \(told.states[0].rawValue)"
            }
        },
    ]

    // MARK: Promise 5

    private static let places = [
        SaleHistoryCheck(5, "a place was given to one buyer") { history, _ in
            var buyers: [PlaceID: Set<String>] = [:]
            for case .joined(let place, let buyer) in history.answers {
                buyers[place, default: []].insert(buyer)
            }
            return buyers.filter { $0.value.count > 1 }.map { "\($0.key) was given to \($0.value.count)" }
        },
        SaleHistoryCheck(5, "a buyer was given one place") { history, _ in
            var places: [String: Set<PlaceID>] = [:]
            for case .joined(let place, let buyer) in history.answers {
                places[buyer, default: []].insert(place)
            }
            return places.filter { $0.value.count > 1 }.map { "a buyer has \($0.value.count) places" }
        },
        SaleHistoryCheck(5, "a place that was given is there") { history, tables in
            history.answers.compactMap { answer -> String? in
                guard case .joined(let place, _) = answer, tables.places[place] == nil else { return nil }
                return "\(place) is lost"
            }
        },
        SaleHistoryCheck(5, "no two places were told one number") { history, _ in
            var holders: [Int64: Set<PlaceID>] = [:]
            for case .stood(let place, let number, _) in history.answers {
                holders[number, default: []].insert(place)
            }
            return holders.filter { $0.value.count > 1 }.map { "\($0.value.count) have number \($0.key)" }
        },
        SaleHistoryCheck(5, "a number that was told is the draw's, or the arrival's after it") {
            history,
            tables in
            history.answers.compactMap { answer -> String? in
                guard case .stood(let place, let number, _) = answer, let row = tables.places[place],
                    row.number != number
                else { return nil }
                return "\(place) was told \(number) and has \(row.number.map(String.init) ?? "none")"
            }
        },
        SaleHistoryCheck(5, "nobody moved back") { history, _ in
            var nearest: [PlaceID: Int64] = [:]
            var found: [String] = []
            for case .stood(let place, _, let ahead?) in history.answers {
                if let before = nearest[place], ahead > before {
                    found.append("\(place) moved from \(before) to \(ahead) ahead")
                }
                nearest[place] = min(ahead, nearest[place] ?? ahead)
            }
            return found
        },
    ]

    // MARK: Promise 6

    private static let sessions = [
        SaleHistoryCheck(6, "who was let in has a session, and one only") { history, tables in
            history.answers.compactMap { answer -> String? in
                guard case .admitted(let place, _) = answer else { return nil }
                let sessions = tables.places[place]?.sessions ?? 0
                return sessions == 1 ? nil : "\(place) has \(sessions) sessions"
            }
        },
        SaleHistoryCheck(6, "who was let in had been called") { history, tables in
            history.answers.compactMap { answer -> String? in
                guard case .admitted(let place, _) = answer, let row = tables.places[place] else {
                    return nil
                }
                guard let number = row.number else { return "\(place) came in before the draw" }
                return number <= tables.serving ? nil : "\(place) has number \(number) of \(tables.serving)"
            }
        },
        SaleHistoryCheck(6, "asking again gave the same session") { history, _ in
            var tokens: [PlaceID: Set<String>] = [:]
            for case .admitted(let place, let token) in history.answers {
                tokens[place, default: []].insert(token)
            }
            return tokens.filter { $0.value.count > 1 }.map { "\($0.key) got \($0.value.count) tokens" }
        },
    ]

    // MARK: Promise 8

    private static let answers = [
        SaleHistoryCheck(8, "who was told to have left has left") { history, tables in
            history.answers.compactMap { answer -> String? in
                guard case .left(let place) = answer, tables.places[place]?.hasLeft != true else {
                    return nil
                }
                return "\(place) is still there"
            }
        },
        SaleHistoryCheck(8, "what was held or sold is there, with its tickets") { history, tables in
            history.answers.compactMap { answer -> String? in
                guard let told = answer.tickets else { return nil }
                guard let row = tables.reservations[told.id] else {
                    return "\(told.id.publicID) is not there"
                }
                return row.tickets == told.count
                    ? nil : "\(told.id.publicID) has \(row.tickets) tickets, told \(told.count)"
            }
        },
        SaleHistoryCheck(8, "one Idempotency-Key got one reservation") { history, _ in
            var reservations: [String: Set<ReservationID>] = [:]
            for case .held(let id, _, let key) in history.answers {
                reservations[key, default: []].insert(id)
            }
            return reservations.filter { $0.value.count > 1 }.map {
                "a key got \($0.value.map(\.publicID).sorted().joined(separator: " and "))"
            }
        },
    ]
}

extension SaleHistory.Answer {
    /// What a reservation was told to have ended as, and what that may have become; nil when nothing of the kind was told.
    fileprivate var ending: (id: ReservationID, states: [ReservationState])? {
        switch self {
        case .sold(let id, _): (id, [.sold, .refunded])
        case .released(let id): (id, [.released])
        case .expired(let id): (id, [.expired])
        case .refunded(let id): (id, [.refunded])
        case .joined, .stood, .left, .admitted, .held: nil
        }
    }

    /// The tickets that a reservation was told to have.
    fileprivate var tickets: (id: ReservationID, count: Int)? {
        switch self {
        case .held(let id, let count, _), .sold(let id, let count): (id, count)
        case .joined, .stood, .left, .admitted, .released, .expired, .refunded: nil
        }
    }
}
