internal import Jobs
internal import Postgres

/// One thing that a path of a run's code waits for.
struct WaitCondition: Sendable {
    var event: String?
    var deadline: PostgresTimestamp?
    /// What ends the run when the deadline comes first.
    var expiry: Expiry?
}

/// A run's end by a function of SQL, as the code declares it.
struct Expiry: Sendable {
    let transition: RunTransition
    /// Calls the function for all runs of a cohort whose time has come.
    let step: any CohortStep
}
