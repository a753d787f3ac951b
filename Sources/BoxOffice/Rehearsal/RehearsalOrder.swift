internal import Jobs
internal import Postgres

/// What a promoter wants rehearsed: the input of a job that a worker of ``queue`` plays.
package struct RehearsalOrder: Sendable, Codable, Equatable {
    /// The job's name.
    package static let name = "rehearse"
    /// Where it is queued: a queue of its own, so that no sale waits for it.
    package static let queue = "rehearsals"
    /// The most buyers that come to one.
    package static let mostBuyers = 100_000
    /// The most that may wait and run.
    package static let mostWaiting = 20
    /// How long one may take; a plan that takes longer is one for `usher rehearse`.
    package static let longest = Duration.seconds(900)

    /// The plan as it would be filed.
    package let plan: String
    package let draw: RehearsedDraw
    package let crowd: RehearsalSettings

    package init(plan: String, draw: RehearsedDraw, crowd: RehearsalSettings) {
        self.plan = plan
        self.draw = draw
        self.crowd = crowd
    }
}

/// What a rehearsal came to: the output of its job.
package struct RehearsalResult: Sendable, Codable, Equatable {
    /// A JSON object, as `usher rehearse --json` prints it.
    package let report: String

    package init(report: String) {
        self.report = report
    }
}
