// The rungs on which a party sits in one row, or in two.
extension SeatPicker {
    /// Side by side in one row, with as few orphans as can be; `accessible` is how many of the seats may be accessible.
    func adjacent(_ size: Int, _ kind: SeatRow.Kind, accessible: ClosedRange<Int>) -> Part? {
        var best: (row: Int, range: Range<Int>, cost: Cost)?
        for (index, row) in rows.enumerated() where row.free.count >= size {
            // No later section is better than one that costs nothing but the way to it.
            if let best, best.cost.orphans == 0, best.cost.accessible == accessible.lowerBound,
                best.cost.section < row.section
            {
                break
            }
            row.forEachWindow(size, kind) { range in
                let cost = cost(row, range)
                guard accessible.contains(cost.accessible) else { return }
                if let best, best.cost <= cost { return }
                best = (index, range, cost)
            }
        }
        return best.map { Part(row: $0.row, places: Array($0.range)) }
    }

    /// In one row, with as few seats and gaps as can be between the first and the last of them.
    func aroundGaps(_ size: Int, _ kind: SeatRow.Kind) -> Part? {
        var best: (part: Part, cost: Cost)?
        for (index, row) in rows.enumerated() where row.free.count >= size {
            let places = row.indices(kind)
            guard places.count >= size else { continue }
            // Leaving one of them out would only move the party apart.
            for start in 0...(places.count - size) {
                let taken = places[start..<start + size]
                let spread = Self.gaps(in: row, taken)
                if let best, best.cost.spread < spread { continue }
                let cost = cost(row, taken, spread: spread)
                if let best, best.cost <= cost { continue }
                best = (Part(row: index, places: Array(taken)), cost)
            }
        }
        return best?.part
    }

    /// In two neighbouring rows of a section, each part side by side and the smaller one wholly before or behind the
    /// other, half a seat more or less; split as evenly as can be.
    func behindOneAnother(_ size: Int, _ kind: SeatRow.Kind) -> [Part]? {
        for few in stride(from: size / 2, to: 0, by: -1) {
            var best: (parts: [Part], cost: Cost)?
            for index in rows.indices.dropLast() where areNeighbours(index, index + 1) {
                let ways = 2 * few == size ? [(index, index + 1)] : [(index, index + 1), (index + 1, index)]
                for (wide, narrow) in ways {
                    pair(size - few, in: wide, few, in: narrow, kind, &best)
                }
            }
            if let best { return best.parts }
        }
        return nil
    }

    private func areNeighbours(_ row: Int, _ next: Int) -> Bool {
        rows[row].section == rows[next].section && rows[row].row + 1 == rows[next].row
    }

    private func pair(
        _ many: Int,
        in wide: Int,
        _ few: Int,
        in narrow: Int,
        _ kind: SeatRow.Kind,
        _ best: inout (parts: [Part], cost: Cost)?
    ) {
        let (row, other) = (rows[wide], rows[narrow])
        let smaller = windows(of: other, few, kind)
        if smaller.isEmpty { return }
        for range in windows(of: row, many, kind) {
            let reach = row.aside(range.lowerBound) - 1...row.aside(range.upperBound - 1) + 1
            let one = cost(row, range)
            for part in smaller
            where reach.contains(other.aside(part.lowerBound))
                && reach.contains(other.aside(part.upperBound - 1))
            {
                var cost = cost(other, part)
                cost.accessible += one.accessible
                cost.orphans += one.orphans
                cost.distance += one.distance
                if let best, best.cost <= cost { continue }
                let parts = [Part(row: wide, places: Array(range)), Part(row: narrow, places: Array(part))]
                best = (parts, cost)
            }
        }
    }

    /// Every so many seats side by side.
    func windows(of row: SeatRow, _ size: Int, _ kind: SeatRow.Kind) -> [Range<Int>] {
        var windows: [Range<Int>] = []
        row.forEachWindow(size, kind) { windows.append($0) }
        return windows
    }

    /// How many positions between the first and the last of some seats are not theirs.
    static func gaps(in row: SeatRow, _ taken: some BidirectionalCollection<Int>) -> Int {
        guard let first = taken.first, let last = taken.last else { return 0 }
        return row.free[last].position - row.free[first].position + 1 - taken.count
    }
}
