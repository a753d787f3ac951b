internal import BoxOffice
internal import HTTP

extension Schema {
    /// What rehearsals are ordered with, and what they come to.
    static let rehearsalSchemas: [(name: String, schema: Schema)] = [
        (
            "RehearsalOrder",
            object([
                ("plan", .reference("Plan")), ("draw?", oneOf(RehearsedDraw.allCases.map(\.rawValue))),
                (
                    "crowd?",
                    .object([
                        ("buyers?", .within(1...RehearsalOrder.mostBuyers)),
                        ("curve?", .oneOf(ArrivalCurve.allCases.map(\.rawValue))),
                        ("before?", .within(0...100)),
                        (
                            "members?",
                            .free("The names of groups, each with how many of its members come.")
                        ),
                        ("no_show?", .within(0...100)), ("abandon?", .within(0...100)),
                        ("patience_seconds?", .within(0...86_400)), ("conversion?", .within(0...100)),
                        ("basket?", .number), ("think_seconds?", .within(0...3600)),
                        ("payment_seconds?", .within(0...3600)), ("seed?", .integer),
                    ])
                ),
            ])
        ),
        (
            "Rehearsal",
            object([
                ("id", .string),
                ("state", oneOf(["waiting", "playing", "done", "failed", "cancelled", "expired"])),
                ("progress", .nullable(.string)), ("problem", .nullable(.string)),
                ("ordered_at", .instant), ("ended_at", .nullable(.instant)),
                (
                    "report",
                    .nullable(.free("What `usher rehearse --json` prints; docs/rehearse.md says what it is."))
                ),
            ])
        ),
    ]
}
