// Parties of which some need an accessible seat, with companions in seats of any kind.
extension SeatPicker {
    /// Exactly so many accessible seats, and the companions beside them, in their row, or in their section.
    ///
    /// Only where no section has other seats for the companions do they sit on accessible ones, too. Nil when no
    /// section has both.
    func accompanied(_ size: Int, _ accessible: Int) -> Choice? {
        guard accessible <= size, accessible <= self.accessible else { return nil }
        return accompanied(size, accessible...accessible) ?? accompanied(size, accessible...size)
    }

    /// The first rung with room for all, where so many of the seats may be accessible.
    private func accompanied(_ size: Int, _ accessible: ClosedRange<Int>) -> Choice? {
        if let part = adjacent(size, .any, accessible: accessible) {
            return Choice(together: .adjacent, parts: [part])
        }
        if let part = sharedRow(size, accessible) { return Choice(together: .row, parts: [part]) }
        return sharedSection(size, accessible).map { Choice(together: .section, parts: $0) }
    }

    /// How many accessible and other seats a party takes where there are so many; nil if it doesn't fit.
    private static func split(
        _ size: Int,
        _ accessible: ClosedRange<Int>,
        of free: (accessible: Int, ordinary: Int)
    ) -> (accessible: Int, ordinary: Int)? {
        let ordinary = min(size - accessible.lowerBound, free.ordinary)
        let rest = size - ordinary
        return accessible.contains(rest) && rest <= free.accessible ? (rest, ordinary) : nil
    }

    /// In one row, as close to each other as can be.
    private func sharedRow(_ size: Int, _ accessible: ClosedRange<Int>) -> Part? {
        var best: (part: Part, cost: Cost)?
        for (index, row) in rows.enumerated() where row.free.count >= size {
            let (some, others) = (row.indices(.accessible), row.indices(.ordinary))
            guard let count = Self.split(size, accessible, of: (some.count, others.count)) else { continue }
            for start in 0...some.count - count.accessible {
                for other in 0...others.count - count.ordinary {
                    let taken =
                        (some[start..<start + count.accessible] + others[other..<other + count.ordinary])
                        .sorted()
                    let cost = cost(row, taken, spread: Self.gaps(in: row, taken))
                    if let best, best.cost <= cost { continue }
                    best = (Part(row: index, places: taken), cost)
                }
            }
        }
        return best?.part
    }

    /// In the first section that has room: the accessible seats as close to each other as can be, and the companions
    /// near them.
    private func sharedSection(_ size: Int, _ accessible: ClosedRange<Int>) -> [Part]? {
        let free = zip(
            sections { $0.indices(.accessible).count },
            sections { $0.indices(.ordinary).count }
        )
        for (some, others) in free
        where Self.split(size, accessible, of: (some.count, others.count)) != nil {
            let rows = rows.indices.filter { self.rows[$0].section == some.section }
            var best: (parts: [Part], gaps: Int, way: Int)?
            for chosen in accessiblePlaces(accessible.lowerBound, in: rows) {
                let found = companions(size - accessible.lowerBound, of: chosen, in: rows)
                let gaps = chosen.reduce(0) { $0 + Self.gaps(in: self.rows[$1.row], $1.places) }
                if let best, (best.gaps, best.way) <= (gaps, found.way) { continue }
                best = (chosen + found.parts, gaps, found.way)
            }
            if let best { return best.parts }
        }
        return nil
    }

    /// So many accessible seats of one row, in every way that leaves none out between them; or where no row has as
    /// many, in few groups.
    private func accessiblePlaces(_ count: Int, in rows: [Int]) -> [[Part]] {
        let ways = rows.flatMap { row -> [[Part]] in
            let places = self.rows[row].indices(.accessible)
            if places.count < count { return [] }
            return (0...places.count - count).map { start in
                [Part(row: row, places: Array(places[start..<start + count]))]
            }
        }
        return ways.isEmpty ? groups(count, .accessible, in: rows).map { [$0] } ?? [] : ways
    }

    /// So many seats that are near those, accessible ones last, and how far away they are together.
    private func companions(_ count: Int, of chosen: [Part], in rows: [Int]) -> (parts: [Part], way: Int) {
        let spots = chosen.flatMap { part in part.places.map { (row: part.row, place: $0) } }
        let taken = Set(spots.map { self.rows[$0.row].free[$0.place].seat })
        var others: [(accessible: Int, way: Int, part: Part)] = []
        for index in rows {
            let row = self.rows[index]
            for place in row.free.indices where !taken.contains(row.free[place].seat) {
                let ways = spots.map { spot in
                    let other = self.rows[spot.row]
                    return 4 * abs(other.row - row.row) + abs(other.aside(spot.place) - row.aside(place))
                }
                let part = Part(row: index, places: [place])
                others.append((row.free[place].accessible ? 1 : 0, ways.min() ?? 0, part))
            }
        }
        others.sort { ($0.accessible, $0.way) < ($1.accessible, $1.way) }
        let found = others.prefix(count)
        return (found.map(\.part), found.reduce(0) { $0 + $1.way })
    }
}
