/// Row labels as a seating chart writes them: `"C"`, `"A-M"`, `"1-15"`.
enum RowSpan {
    static func labels(_ value: PlanValue) -> [String]? {
        guard case .string(let text) = value else { return nil }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        switch ends.count {
        case 1:
            return PlanFields.isIdentifier(text) ? [text] : nil
        case 2:
            return numbered(ends[0], ends[1]) ?? lettered(ends[0], ends[1])
        default:
            return nil
        }
    }

    private static func numbered(_ first: String, _ last: String) -> [String]? {
        guard let first = Int(first), let last = Int(last), first > 0, first <= last, last < 1000 else {
            return nil
        }
        return (first...last).map(String.init)
    }

    private static func lettered(_ first: String, _ last: String) -> [String]? {
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".map(String.init)
        guard let from = letters.firstIndex(of: first), let to = letters.firstIndex(of: last), from <= to
        else {
            return nil
        }
        return Array(letters[from...to])
    }
}

/// Seat numbers as a seating chart writes them: `22` for 1 to 22, or `"1-11,14-24"` around an aisle.
enum SeatSpan {
    static func numbers(_ value: PlanValue) -> [Int]? {
        switch value {
        case .integer(let count):
            return (1...1000).contains(count) ? Array(1...count) : nil
        case .string(let text):
            var numbers: [Int] = []
            for span in text.split(separator: ",", omittingEmptySubsequences: false) {
                let ends = span.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
                guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
                    first > (numbers.last ?? 0), first <= last, last <= 1000
                else { return nil }
                numbers += first...last
            }
            return numbers.isEmpty ? nil : numbers
        default:
            return nil
        }
    }
}
