/// Chooses seats for buyers who leave the choice to us.
///
/// It first looks for neighbours in one row whose taking leaves no single seat behind (an *orphan*: hardly anybody
/// buys it), nearest the front and the centre; then for neighbours that leave one; then for the best seats of one
/// section, and at last for whatever the tier still has. It is a plain value: it knows what is free, and what it
/// gave away is free no more, so that one picker serves a whole batch of requests without giving a seat twice.
struct SeatPicker: Sendable {
    private var rows: [SeatRow]
    private var left: Int

    /// Makes a picker over the free seats of one tier.
    ///
    /// - Parameter rows: the rows that have free seats; the seats of each ordered by position.
    init(_ rows: [SeatRow]) {
        // The order makes the choice independent of the order in which the database returned the rows.
        self.rows = rows.sorted { ($0.section, $0.row) < ($1.section, $1.row) }
        left = rows.reduce(0) { $0 + $1.free.count }
    }

    /// How many seats can still be picked.
    var remaining: Int { left }

    /// Takes `quantity` seats out of what is free.
    ///
    /// - Returns: the numbers of the seats, ascending; `nil` if there are not that many. O(rows × seats).
    mutating func pick(_ quantity: Int) -> [Int]? {
        guard quantity > 0, quantity <= left else { return nil }
        let choice = neighbours(quantity, orphans: false) ?? neighbours(quantity, orphans: true)
        if let choice { return take(choice.count, from: choice.row, at: choice.start).sorted() }
        return scattered(quantity).sorted()
    }

    /// Takes named seats out of what is free, because somebody else has them.
    mutating func remove(_ seats: Set<Int>) {
        for index in rows.indices { rows[index].free.removeAll { seats.contains($0.seat) } }
        left = rows.reduce(0) { $0 + $1.free.count }
    }

    private struct Choice {
        var row: Int
        var start: Int
        var count: Int
        var cost: Int
    }

    /// The cheapest run of `quantity` neighbours, with or without a single seat left beside it.
    private func neighbours(_ quantity: Int, orphans: Bool) -> Choice? {
        var best: Choice?
        for (index, row) in rows.enumerated() where row.free.count >= quantity {
            if let best, best.cost <= row.section * Self.sectionCost { break }
            for run in row.runs() where run.count >= quantity {
                for start in run.lowerBound...(run.upperBound - quantity) {
                    let before = start - run.lowerBound
                    let after = run.upperBound - start - quantity
                    guard orphans || (before != 1 && after != 1) else { continue }
                    let cost = Self.cost(of: row, start..<start + quantity)
                    if let best, best.cost <= cost { continue }
                    best = Choice(row: index, start: start, count: quantity, cost: cost)
                }
            }
        }
        return best
    }

    private static let sectionCost = 1_000_000
    private static let accessibleCost = 1_000_000_000

    /// How much worse than the middle of the front row: a row back weighs as much as two seats aside, the order of
    /// the sections, which is the promoter's, outweighs both, and seats that some need more outweigh all.
    private static func cost(of row: SeatRow, _ seats: Range<Int>) -> Int {
        let places = row.free[seats]
        let aside = places.reduce(0) { $0 + abs(2 * $1.position - row.doubledCentre) } / seats.count
        let accessible = places.count { $0.accessible }
        return accessible * accessibleCost + row.section * sectionCost + row.row * 4 + aside
    }

    /// Seats that are not all together: of the first section that has enough, or else of several; the longest runs
    /// first, so that a party is split into as few groups as possible.
    private mutating func scattered(_ quantity: Int) -> [Int] {
        var freeBySection: [Int: Int] = [:]
        for row in rows { freeBySection[row.section, default: 0] += row.free.count }
        let enough = freeBySection.filter { $0.value >= quantity }.keys.min()
        var picked: [Int] = []
        while picked.count < quantity {
            guard let choice = longestRun(atMost: quantity - picked.count, in: enough) else { break }
            picked += take(choice.count, from: choice.row, at: choice.start)
        }
        return picked
    }

    private func longestRun(atMost limit: Int, in section: Int?) -> Choice? {
        var best: Choice?
        for (index, row) in rows.enumerated() where section == nil || row.section == section {
            for run in row.runs() {
                let count = min(run.count, limit)
                let cost = Self.cost(of: row, run.lowerBound..<run.lowerBound + count)
                if let best, best.count > count || (best.count == count && best.cost <= cost) { continue }
                best = Choice(row: index, start: run.lowerBound, count: count, cost: cost)
            }
        }
        return best
    }

    private mutating func take(_ count: Int, from row: Int, at start: Int) -> [Int] {
        let range = start..<start + count
        let seats = rows[row].free[range].map(\.seat)
        rows[row].free.removeSubrange(range)
        left -= count
        return seats
    }
}
