internal import HTTP
internal import Postgres

/// `usher doctor`: looks at the server's settings and at the house on it, explains and suggests.
enum DoctorCommand {
    private static let all = Option("all", .flag, help: "Also say what is well")

    static let command = Command(
        "doctor",
        "Look at the server's settings and the house on it, and say what to change",
        discussion: """
            Changes nothing. A line for each thing that could be better (advice) or is wrong, with what to do below it.
            Ends with status 1 if anything is wrong.
            """,
        options: [all, .json] + Option.database
    ) { invocation in
        let findings = Doctor.findings(try await withPlace(invocation) { try await .read(from: $0.postgres) })
        let wrong = findings.count { $0.grade == .wrong }
        if invocation.arguments.flag(.json) {
            for finding in findings { UpCommand.say(json(finding)) }
        } else {
            for finding in findings where finding.grade != .ok || invocation.arguments.flag(all) {
                UpCommand.say(finding.text)
            }
            let advice = findings.count { $0.grade == .advice }
            UpCommand.say(
                "\(findings.count - wrong - advice) are well, \(advice) could be better, \(wrong) are wrong"
            )
        }
        guard wrong == 0 else { throw Failure("\(wrong) of \(findings.count) things are wrong") }
    }

    private static func json(_ finding: DoctorFinding) -> String {
        String(
            decoding: JSONWriter.object { json in
                json.field("grade", finding.grade.rawValue)
                json.field("name", finding.name)
                json.field("says", finding.says)
                json.field("remedy", finding.remedy)
            },
            as: UTF8.self
        )
    }
}
