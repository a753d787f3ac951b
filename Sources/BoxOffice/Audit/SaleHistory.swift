/// What the clients of an on-sale were told with a 2xx, in the order in which each heard it.
///
/// A client notes an answer when it has it in hand, so that whatever happens to the servers afterwards, each line must
/// be found in the tables; see ``SaleHistoryCheck``.
package struct SaleHistory: Sendable {
    /// One answer.
    package enum Answer: Sendable, Hashable {
        /// A place, and who asked: whatever tells one buyer from another.
        case joined(PlaceID, by: String)
        /// A position: its number, and how many are ahead of it.
        case stood(PlaceID, number: Int64, ahead: Int64?)
        case left(PlaceID)
        /// A session; the token names it.
        case admitted(PlaceID, token: String)
        /// Tickets, under an Idempotency-Key of a session.
        case held(ReservationID, tickets: Int, key: String)
        case sold(ReservationID, tickets: Int)
        case released(ReservationID)
        case expired(ReservationID)
        case refunded(ReservationID)
    }

    /// All of them.
    package private(set) var answers: [Answer] = []

    package init(_ answers: [Answer] = []) { self.answers = answers }

    /// Notes an answer.
    package mutating func note(_ answer: Answer) { answers.append(answer) }

    /// Adds what other clients noted; it keeps the order in which each heard.
    package mutating func add(_ other: SaleHistory) { answers += other.answers }

    /// The places that are named.
    var places: [PlaceID] {
        Array(
            Set(
                answers.compactMap { answer -> PlaceID? in
                    switch answer {
                    case .joined(let place, _), .stood(let place, _, _), .left(let place),
                        .admitted(let place, _):
                        place
                    case .held, .sold, .released, .expired, .refunded: nil
                    }
                }
            )
        )
    }

    /// The reservations that are named.
    var reservations: [ReservationID] {
        Array(
            Set(
                answers.compactMap { answer -> ReservationID? in
                    switch answer {
                    case .held(let id, _, _), .sold(let id, _), .released(let id), .expired(let id),
                        .refunded(let id):
                        id
                    case .joined, .stood, .left, .admitted: nil
                    }
                }
            )
        )
    }
}
