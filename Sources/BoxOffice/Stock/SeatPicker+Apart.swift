// The rungs on which a party is split into several groups.
extension SeatPicker {
    /// In the first section that has enough; or else anywhere.
    func scattered(_ size: Int, _ kind: SeatRow.Kind) -> Choice? {
        if let section = sections(having: { $0.indices(kind).count }).first(where: { $0.count >= size }) {
            let rows = rows.indices.filter { self.rows[$0].section == section.section }
            return groups(size, kind, in: rows).map { Choice(together: .section, parts: $0) }
        }
        return groups(size, kind, in: Array(rows.indices)).map { Choice(together: .apart, parts: $0) }
    }

    /// Splits a party into as few groups of neighbours as can be: the longest runs are taken first.
    ///
    /// Nil when there are not enough seats.
    func groups(_ size: Int, _ kind: SeatRow.Kind, in rows: [Int]) -> [Part]? {
        var runs = rows.flatMap { row in self.rows[row].runs(kind).map { (row: row, range: $0) } }
        var parts: [Part] = []
        var missing = size
        while missing > 0 {
            var best: (run: Int, range: Range<Int>, cost: Cost)?
            for (index, run) in runs.enumerated() {
                let count = min(run.range.count, missing)
                if let best, best.range.count > count { continue }
                for start in run.range.lowerBound...run.range.upperBound - count {
                    let range = start..<start + count
                    let cost = cost(self.rows[run.row], range, spread: -count)
                    if let best, best.cost <= cost { continue }
                    best = (index, range, cost)
                }
            }
            guard let best else { return nil }
            parts.append(Part(row: runs[best.run].row, places: Array(best.range)))
            missing -= best.range.count
            // A run that was cut was the last that was needed.
            runs.remove(at: best.run)
        }
        return parts
    }

    /// The sections in the promoter's order, each with what its rows add up to.
    func sections(having amount: (SeatRow) -> Int) -> [(section: Int, count: Int)] {
        var found: [(section: Int, count: Int)] = []
        for row in rows {
            if found.last?.section != row.section { found.append((row.section, 0)) }
            found[found.count - 1].count += amount(row)
        }
        return found
    }
}
