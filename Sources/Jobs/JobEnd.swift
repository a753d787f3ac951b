package import Postgres

/// How a go at a plain job ended, as it is written together with its claim's end.
package struct JobEnd: Sendable {
    /// Where the job goes next.
    package enum Next: Sendable {
        /// Well; the job's row is written only if there is an output to keep.
        case done(output: JSONB?)
        case failed(failures: Int16, error: String, kind: DeadLetter.Kind = .failed)
        case cancelled(reason: String)
        /// Back after a while, with so many failures counted.
        case retry(after: Duration, failures: Int16, error: String?)
        /// Back in its lane as it was.
        case handedBack
    }

    package let batch: Int64
    package let id: JobID
    package let next: Next
    /// Whether the end brings about more than the job's own row tells.
    package let owesMore: Bool

    package init(batch: Int64, id: JobID, next: Next, owesMore: Bool = true) {
        self.batch = batch
        self.id = id
        self.next = next
        self.owesMore = owesMore
    }

    package init(_ job: ClaimedJob, _ next: Next) {
        self.init(batch: job.batch, id: job.id, next: next, owesMore: job.owesMore)
    }
}
