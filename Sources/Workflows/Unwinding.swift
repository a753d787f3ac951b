/// How a run undoes what it did, once it has failed for good.
enum Unwinding {
    /// The checkpoint key under which the reason is kept.
    static let key = "!unwinding"
    /// The one that is recorded when that is committed, and compensations begin.
    static let beganKey = "!undoing"
}

/// What a run that is undoing gets for everything that it did not ask for before it failed.
struct AlreadyFailed: Error, CustomStringConvertible {
    let record: UnwindRecord

    var description: String { record.error }
}

/// A compensation threw; it is tried again as the run itself would be.
struct CompensationFailed: Error, CustomStringConvertible {
    let name: String
    let error: any Error

    var description: String { "compensation \(name) failed: \(error)" }
}
