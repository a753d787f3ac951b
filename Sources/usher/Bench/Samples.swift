/// Some measurements of one thing, such as one per run.
struct Samples: Sendable, ExpressibleByArrayLiteral {
    private(set) var values: [Double]

    init(_ values: [Double] = []) {
        self.values = values
    }

    init(arrayLiteral elements: Double...) {
        values = elements
    }

    mutating func add(_ value: Double?) {
        if let value { values.append(value) }
    }

    var isEmpty: Bool { values.isEmpty }
    var minimum: Double? { values.min() }
    var maximum: Double? { values.max() }

    /// The value in the middle; of an even number the mean of the two there; nil when there are none.
    var median: Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
    }

    /// The value that so many of all did not exceed; nil when there are none.
    ///
    /// - Parameter part: from 0 to 1.
    /// - Returns: one of the values.
    func percentile(_ part: Double) -> Double? {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        let rank = Int((part * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(0, rank), sorted.count - 1)]
    }
}
