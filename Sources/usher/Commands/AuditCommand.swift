internal import BoxOffice
internal import Jobs
internal import Postgres

/// `usher audit`: looks at a live system for anything that breaks a promise.
enum AuditCommand {
    static let command = Command(
        "audit",
        "Check what SQL can see of each promise",
        discussion:
            "One line per check; a broken one is followed by the rows that break it, and ends with status 1.",
        options: Option.database
    ) { invocation in
        let place = try await Workplace.open(invocation, connections: 2)
        try await place.checkSchema()
        let findings = try await Self.findings(in: place.postgres)
        for finding in findings { print(finding.text) }
        await place.close()
        let broken = findings.count { !$0.offenders.isEmpty }
        guard broken == 0 else {
            throw Failure("\(broken) of \(findings.count) checks found something broken")
        }
    }

    /// What one check found.
    struct Finding: Sendable {
        let promise: Int
        let name: String
        let offenders: [String]

        /// The line, and the offenders below it.
        var text: String {
            let head = "\(offenders.isEmpty ? "ok    " : "BROKEN") promise \(promise): \(name)"
            return ([head] + offenders.map { "         \($0)" }).joined(separator: "\n")
        }
    }

    /// Runs every check on the tables as they are.
    static func findings(in postgres: PostgresClient) async throws -> [Finding] {
        var findings: [Finding] = []
        for check in PromiseChecks.statements {
            findings.append(
                Finding(
                    promise: check.promise,
                    name: check.name,
                    offenders: try await check.offenders(in: postgres)
                )
            )
        }
        findings.append(
            Finding(
                promise: PromiseChecks.draws.promise,
                name: PromiseChecks.draws.name,
                offenders: try await DrawAudit.offenders(in: postgres)
            )
        )
        return findings.sorted { ($0.promise, $0.name) < ($1.promise, $1.name) }
    }
}
