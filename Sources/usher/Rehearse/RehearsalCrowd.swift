/// The buyers of a rehearsal: where each of them is, and who does something next.
///
/// It is told what happened, and says who acts at a second; it does no I/O. Seconds count from the sale's start.
struct RehearsalCrowd: Sendable {
    /// What buyers do by themselves, in the order in which it is done within a second.
    enum Deed: Int, Sendable, CaseIterable {
        case joins
        case givesUp
        case comesIn
        case holds
        case pays
    }

    private enum Standing: Sendable, Equatable {
        case away
        case inLine
        case called
        case inside
        /// Nothing more is to be expected of them.
        case gone
    }

    let buyers: [SyntheticBuyer]
    private var standings: [Standing]
    /// When each began to wait: at the start, or when they joined later.
    private var since: [Int]
    /// By second and deed, in the order in which it came up.
    private var agenda: [Int: [[Int]]] = [:]
    /// What is still to be done, whether anybody is called or not.
    private var planned = 0
    private var byArrival: [Int64: Int] = [:]

    /// Joined, and neither called nor gone.
    private(set) var line = 0
    /// Live sessions, as the last tick left them, and who has come in since.
    private var inside = 0
    private(set) var tally = RehearsalTally()

    init(_ buyers: [SyntheticBuyer]) {
        self.buyers = buyers
        standings = Array(repeating: .away, count: buyers.count)
        since = Array(repeating: 0, count: buyers.count)
        tally.buyers = buyers.count
        for (index, buyer) in buyers.enumerated() { plan(.joins, of: index, at: buyer.arrival) }
    }

    /// Whether nobody will do anything any more, unless those in line are called.
    var isIdle: Bool { planned == 0 }

    private mutating func plan(_ deed: Deed, of buyer: Int, at second: Int) {
        agenda[second, default: Array(repeating: [], count: Deed.allCases.count)][deed.rawValue].append(buyer)
        if deed != .givesUp { planned += 1 }
    }

    /// Who does this in the seconds up to and with `second`; told once.
    mutating func due(_ deed: Deed, after last: Int, at second: Int) -> [Int] {
        var found: [Int] = []
        for moment in stride(from: last + 1, through: second, by: 1) {
            guard let buyers = agenda[moment]?[deed.rawValue], !buyers.isEmpty else { continue }
            agenda[moment]?[deed.rawValue] = []
            if deed != .givesUp { planned -= buyers.count }
            found += buyers
        }
        guard deed == .givesUp else { return found }
        return found.filter { standings[$0] == .inLine }
    }

    // MARK: What happened

    /// The tick said what bound it, with so many inside.
    mutating func ticked(_ note: String?, inside: Int) {
        self.inside = inside
        tally.tick(note)
    }

    /// A buyer has a place.
    mutating func joined(_ buyer: Int, arrival: Int64, at second: Int) {
        byArrival[arrival] = buyer
        standings[buyer] = .inLine
        since[buyer] = max(0, second)
        line += 1
        tally.joined += 1
        tally.peakLine = max(tally.peakLine, line)
        if let patience = buyers[buyer].patience { plan(.givesUp, of: buyer, at: since[buyer] + patience) }
    }

    /// A buyer was not let into the line.
    mutating func turnedAway(_ buyer: Int) {
        standings[buyer] = .gone
        tally.turnedAway += 1
    }

    /// A buyer has left the line.
    mutating func left(_ buyer: Int) {
        standings[buyer] = .gone
        line -= 1
        tally.gaveUp += 1
    }

    /// An arrival's number was called.
    mutating func called(arrival: Int64, at second: Int) {
        guard let buyer = byArrival[arrival], standings[buyer] == .inLine else { return }
        line -= 1
        tally.called += 1
        tally.waitsToCalled.append(second - since[buyer])
        guard buyers[buyer].comes else {
            standings[buyer] = .gone
            tally.noShows += 1
            return
        }
        standings[buyer] = .called
        plan(.comesIn, of: buyer, at: second + buyers[buyer].reaction)
    }

    /// A called buyer met a full room, and tries again.
    mutating func metFullRoom(_ buyer: Int, at second: Int) {
        plan(.comesIn, of: buyer, at: second + 1)
    }

    /// A called buyer came too late.
    mutating func missed(_ buyer: Int) {
        standings[buyer] = .gone
        tally.cameLate += 1
    }

    /// A buyer is inside.
    mutating func cameIn(_ buyer: Int, at second: Int) {
        tally.cameIn += 1
        inside += 1
        tally.peakInside = max(tally.peakInside, inside)
        guard buyers[buyer].intent != .looks else {
            standings[buyer] = .gone
            return
        }
        standings[buyer] = .inside
        plan(.holds, of: buyer, at: second + buyers[buyer].think)
    }

    /// A buyer holds tickets.
    mutating func held(_ buyer: Int, at second: Int) {
        tally.held += 1
        guard buyers[buyer].intent == .buys else {
            standings[buyer] = .gone
            tally.walkedAway += 1
            return
        }
        plan(.pays, of: buyer, at: second + buyers[buyer].payment)
    }

    /// There was nothing that a buyer could have.
    mutating func foundNothing(_ buyer: Int) {
        standings[buyer] = .gone
        tally.foundNothing += 1
    }

    /// A hold was gone before it was paid for.
    mutating func lost(_ buyer: Int) {
        standings[buyer] = .gone
        tally.cameLate += 1
    }

    /// A buyer has bought.
    mutating func bought(_ buyer: Int, tickets: Int, at second: Int) {
        standings[buyer] = .gone
        tally.bought += 1
        tally.tickets += tickets
        tally.waitsToSold.append(second - since[buyer])
        let minute = max(0, second) / 60
        while tally.perMinute.count <= minute { tally.perMinute.append(0) }
        tally.perMinute[minute] += tickets
    }
}
