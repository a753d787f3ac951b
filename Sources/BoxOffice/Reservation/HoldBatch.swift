internal import Foundation
internal import Postgres

/// A batch of requests to hold tickets, on its way from what is known to what is written: all decisions, no I/O.
struct HoldBatch: Sendable {
    static let route = "POST /v1/reservations"

    struct Member: Sendable {
        var reservation: Int64
        var request: HoldRequest
    }

    /// What a member that is still in the running wants, and the seats locked for it.
    struct Wish: Sendable {
        var key: TierKey
        var quantity: Int
        var seats: [LockedSeat] = []
        /// How the seats that were chosen for it lie.
        var together: Together?
    }

    struct LockedSeat: Sendable, Hashable {
        var seat: Int
        var label: String
    }

    let members: [Member]
    let facts: HoldFacts
    /// One per member; set when the member is out of the running.
    private(set) var settled: [HoldOutcome?]
    /// One per member that is in the running and whose tier is known.
    private(set) var wishes: [Wish?]
    /// The members whose keys were not answered before, each the first of its key.
    private(set) var keyed: [Int] = []
    /// Members that send the same request twice in this batch, and the member that goes first.
    private var twins: [Int: Int] = [:]

    init(_ members: [Member], _ facts: HoldFacts) {
        self.members = members
        self.facts = facts
        settled = Array(repeating: nil, count: members.count)
        wishes = Array(repeating: nil, count: members.count)
        var first: [HoldFacts.KeyName: Int] = [:]
        for (index, member) in members.enumerated() {
            let request = member.request
            if let idempotency = request.idempotency {
                let name = HoldFacts.KeyName(admission: request.admission.rawValue, key: idempotency.key)
                if let known = facts.answered[name] {
                    settled[index] =
                        known.bodyHash == idempotency.bodyHash ? known.outcome.again : .keyReused
                    continue
                }
                if let twin = first[name] {
                    let same = members[twin].request.idempotency?.bodyHash == idempotency.bodyHash
                    if same { twins[index] = twin } else { settled[index] = .keyReused }
                    continue
                }
                first[name] = index
                keyed.append(index)
            }
            admit(index)
        }
    }

    private mutating func admit(_ index: Int) {
        let request = members[index].request
        let admission = request.admission.rawValue
        guard facts.live[admission] == request.onSale.rawValue,
            let rules = facts.rules[request.onSale.rawValue]
        else {
            settled[index] = .sessionOver
            return
        }
        guard !rules.isStopped else {
            settled[index] = .stopped
            return
        }
        let has = facts.has[admission, default: 0]
        let limit = facts.limit(of: admission, onSale: request.onSale.rawValue)
        guard request.quantity > 0, has + request.quantity <= limit else {
            settled[index] = .limitExceeded(limit: limit, has: has)
            return
        }
        // Seats name their tier only once they are looked up.
        guard case .best(let tier, let quantity) = request.choice else { return }
        let key = TierKey(onSale: request.onSale.rawValue, tier: tier)
        guard facts.tiers[key] != nil else {
            settled[index] = .unknownChoice
            return
        }
        guard facts.isOpen(key, to: admission) else {
            settled[index] = .notEligible(tier: tier)
            return
        }
        let misplaced = request.wishesForSeats
        guard misplaced.isEmpty || facts.tiers[key]?.numbered == true else {
            settled[index] = .standing(tier: tier, fields: misplaced)
            return
        }
        wishes[index] = Wish(key: key, quantity: quantity)
    }

    // MARK: Seats

    /// The members that named their seats and whose seats are not looked up yet.
    var unresolved: [(index: Int, onSale: Int64, labels: [String])] {
        members.indices.compactMap { index in
            guard settled[index] == nil, twins[index] == nil, wishes[index] == nil,
                case .seats(let labels) = members[index].request.choice
            else { return nil }
            return (index, members[index].request.onSale.rawValue, labels)
        }
    }

    /// The members that want the best seats of a numbered tier and have none yet.
    var unseated: [(index: Int, key: TierKey, party: SeatPicker.Party)] {
        wishes.enumerated().compactMap { index, wish in
            guard let wish, settled[index] == nil, wish.seats.isEmpty,
                case .best = members[index].request.choice, facts.tiers[wish.key]?.numbered == true
            else { return nil }
            let request = members[index].request
            let party = SeatPicker.Party(
                size: wish.quantity,
                accessible: request.accessible ?? 0,
                limit: request.together ?? .apart
            )
            return (index, wish.key, party)
        }
    }

    mutating func refuse(_ index: Int, _ outcome: HoldOutcome) {
        settled[index] = outcome
        wishes[index] = nil
    }

    mutating func seat(_ index: Int, in key: TierKey, _ seats: [LockedSeat], _ together: Together? = nil) {
        guard facts.isOpen(key, to: members[index].request.admission.rawValue) else {
            return refuse(index, .notEligible(tier: key.tier))
        }
        wishes[index] = Wish(key: key, quantity: seats.count, seats: seats, together: together)
    }

    // MARK: Tiers

    /// The tiers that decide about the members still in the running.
    var wantedTiers: Set<TierKey> {
        Set(wishes.indices.compactMap { settled[$0] == nil ? wishes[$0]?.key : nil })
    }

    /// Grants in the order of the batch, as long as there are tickets and the buyer may have them.
    mutating func grant(from stock: [TierKey: Int]) {
        var free = stock
        var has = facts.has
        for index in members.indices where settled[index] == nil {
            guard let wish = wishes[index] else { continue }
            let member = members[index]
            let admission = member.request.admission.rawValue
            let limit = facts.limit(of: admission, onSale: wish.key.onSale)
            let left = free[wish.key, default: 0]
            let needsSeats = facts.tiers[wish.key]?.numbered == true
            if has[admission, default: 0] + wish.quantity > limit {
                refuse(index, .limitExceeded(limit: limit, has: has[admission, default: 0]))
            } else if left < wish.quantity {
                refuse(index, .soldOut(left: left))
            } else if needsSeats, wish.seats.isEmpty {
                refuse(index, .contended)
            } else {
                free[wish.key] = left - wish.quantity
                has[admission, default: 0] += wish.quantity
                settled[index] = .held(hold(index, wish))
            }
        }
        for (index, twin) in twins {
            settled[index] = settled[twin]?.again
        }
    }

    private func hold(_ index: Int, _ wish: Wish) -> Hold {
        let tier = facts.tiers[wish.key]
        let seconds = facts.rules[wish.key.onSale]?.holdSeconds ?? 0
        return Hold(
            reservation: ReservationID(rawValue: members[index].reservation),
            tier: wish.key.tier,
            quantity: wish.quantity,
            seats: wish.seats.map(\.label),
            total: Int64(wish.quantity) * (tier?.price ?? 0),
            currency: tier?.currency ?? "",
            expiresAt: facts.now + .seconds(seconds),
            together: wish.together
        )
    }

    /// One per member, in the order of the batch.
    var outcomes: [HoldOutcome] { settled.map { $0 ?? .contended } }
}
