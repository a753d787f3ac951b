import Jobs

/// What one claim took from one leaf: either plain jobs, whose fence the batch is, or runs.
struct ClaimedBatch: Sendable {
    /// The claim's number.
    let number: Int64
    let isRun: Bool
    var jobs: [ClaimedJob]
}

extension [ClaimedBatch] {
    /// Where each job is, in the order in which they should start: by rank, then by number.
    var inOrder: [(batch: Int, index: Int)] {
        var places: [(rank: Int64, id: Int64, batch: Int, index: Int)] = []
        places.reserveCapacity(reduce(0) { $0 + $1.jobs.count })
        var isSorted = true
        for (number, batch) in enumerated() {
            for (index, job) in batch.jobs.enumerated() {
                if let last = places.last, (job.rank, job.id.rawValue) < (last.rank, last.id) {
                    isSorted = false
                }
                places.append((job.rank, job.id.rawValue, number, index))
            }
        }
        if !isSorted { places.sort { ($0.rank, $0.id) < ($1.rank, $1.id) } }
        return places.map { ($0.batch, $0.index) }
    }
}
