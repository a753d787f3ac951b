/// Records that are to be written, in such an order that no failure can turn round two of a key.
///
/// A proxy answers for each record alone: of a request some records may be written and others not. So a request has but
/// the first records of each key, and what failed goes before all that is behind it. With one record of a key in a request
/// nothing can overtake; with more, those behind a failed one may have been written before it, and are written again.
struct KafkaQueue: Sendable {
    private let records: [KafkaRecord]
    private let perKey: Int
    /// What is to be written, by place.
    private var pending: [Int]
    /// What a request has now.
    private var underWay: [Int] = []

    /// - Parameters:
    ///   - records: What is to be written, in order.
    ///   - perKey: The most records of one key that a request may have.
    init(_ records: [KafkaRecord], perKey: Int) {
        self.records = records
        self.perKey = max(1, perKey)
        pending = Array(records.indices)
    }

    /// Whether all is written.
    var isEmpty: Bool { pending.isEmpty }

    /// The records of the next request.
    ///
    /// - Parameters:
    ///   - count: The most records.
    ///   - bytes: About how many bytes; one record may have more.
    /// - Returns: The records, at most one of a key unless more are allowed.
    mutating func next(count: Int, bytes: Int) -> [KafkaRecord] {
        underWay = []
        var ofKey: [String: Int] = [:]
        var size = 0
        for place in pending {
            let record = records[place]
            let known = ofKey[record.key, default: 0]
            guard known < perKey else { continue }
            size += record.value.count
            if !underWay.isEmpty && (size > bytes || underWay.count == count) { break }
            ofKey[record.key] = known + 1
            underWay.append(place)
        }
        return underWay.map { records[$0] }
    }

    /// What became of the records of the request: whether each was written.
    mutating func settle(_ areWritten: [Bool]) {
        precondition(areWritten.count == underWay.count, "an answer for other records")
        var failed: Set<String> = []
        var done: Set<Int> = []
        for (place, isWritten) in zip(underWay, areWritten) {
            let key = records[place].key
            if !isWritten { failed.insert(key) }
            // What was written behind one that was not has to come behind it again.
            if !failed.contains(key) { done.insert(place) }
        }
        pending.removeAll { done.contains($0) }
        underWay = []
    }
}
