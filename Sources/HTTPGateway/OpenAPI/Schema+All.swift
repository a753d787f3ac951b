internal import BoxOffice
internal import HTTP

extension Schema {
    /// The problem document that every refusal is.
    static let problem = object([
        ("type", .string), ("title", .string), ("status", .integer), ("code", .reference("ProblemCode")),
        ("detail?", .string),
        ("errors?", .list(.object([("field", .string), ("message", .string)]))),
    ])

    /// Every schema that an operation names, in the order of the document.
    static let all = common + rehearsalSchemas + operatorSchemas

    private static let common: [(name: String, schema: Schema)] = [
        ("Money", object([("amount", .integer), ("currency", .string)])),
        ("Tier", object(tier)),
        ("TierStock", object(tier + [("free", .integer), ("held", .integer), ("sold", .integer)])),
        ("OnSale", object(onSale)),
        ("OnSaleList", object(onSaleList)),
        ("FoundOnSale", object(foundOnSale)),
        ("Status", object(status)),
        (
            "Live",
            free(
                "A message of the WebSocket or of the event stream: an object whose `type` is `tick` (`seq`, `state`, "
                    + "`serving`, `last`, `rate_per_minute`, `status` as the ETag of /status, `as_of`, `stale`), `place` (as "
                    + "Place), `reservation` (as Reservation, and `expiring`), `problem` (`code`, `detail`) or `bye` "
                    + "(`retry_after_ms`). What a WebSocket takes is `{\"type\": \"place\", \"token\": \"...\"}` and "
                    + "`{\"type\": \"reservation\", \"reservation\": \"...\", \"token\": \"...\"}`."
            )
        ),
        ("SeatMap", object(seatMap)),
        ("RoughSeatMap", object(roughSeatMap)),
        ("Fairness", object(fairness)),
        (
            "Leaves",
            object([
                ("on_sale", .string), ("entries", .integer), ("leaves", .list(.string)),
                ("priorities", .nullable(.string)),
                ("next", .nullable(.integer)),
            ])
        ),
        ("Proof", object(proof)),
        ("Certificate", object(certificate)),
        ("Codes", object([("group", .text(32)), ("count", .within(1...10_000))])),
        ("CodeList", object([("group", .string), ("codes", .list(.string))])),
        ("Invitations", object([("group", .text(32)), ("buyers", .some(.text(256), 1...1_000))])),
        ("GroupName", object([("group", .text(32))])),
        ("GroupCounts", object([("groups", .list(.object(groupCounts)))])),
        ("Reveal", object([("secret", .pattern("^[0-9a-fA-F]{64}$"))])),
        ("Beacon", object([("value", .text(1_000)), ("proof", .text(1_000))])),
        (
            "Join",
            free(
                "Exactly one of `buyer` (the promoter's assertion of who it is) and `secret` (16 random bytes or more in "
                    + "unpadded base64url; refused where `buyers` is `proven`)."
            )
        ),
        ("Joined", object(joined)),
        ("Place", object(place)),
        // Without a place token as for a join.
        (
            "Waitlist",
            object([
                ("quantity", .within(1...100)), ("buyer?", .string), ("secret?", .string), ("code?", .string),
            ])
        ),
        (
            "WaitlistSpot",
            object([
                ("place", .string), ("token?", .string), ("receipt?", .string), ("position", .integer),
                ("poll_after_ms", .integer),
            ])
        ),
        (
            "Admission",
            object([("admission_token?", .string), ("expires_at", .instant), ("max_per_buyer", .integer)])
        ),
        (
            "Reserve",
            free(
                "Either `tier` (string) and `quantity` (integer), or `seats` (list of labels). With a tier of numbered seats "
                    + "also `accessible`: how many of the quantity need an accessible seat, the others being their "
                    + "companions; and `together`: how far apart they would sit at most, one of `adjacent`, `row`, `rows`, "
                    + "`section` and `apart`, which is however it comes."
            )
        ),
        ("Checkout", object([("payment_method", .text(200))])),
        ("Reservation", object(reservation)),
        (
            "PaymentReport",
            object([("reference", .string), ("id", .string), ("state", .string), ("detail?", .string)])
        ),
        ("CallbackResult", object([("result", .oneOf(["told", "known", "voiding", "unknown"]))])),
        ("Plan", free("A plan as Examples/arena.json shows it; what does not fit is named field by field.")),
        (
            "PlanReading",
            object([
                ("title", .string), ("currency", .string), ("capacity", .integer),
                (
                    "tiers",
                    .list(
                        .object([
                            ("id", .string), ("name", .string), ("price", .reference("Money")),
                            ("capacity", .integer), ("numbered", .boolean),
                        ])
                    )
                ),
                (
                    "sections",
                    .list(
                        .object([
                            ("id", .string), ("name", .string), ("tier", .string), ("capacity", .integer),
                            (
                                "rows",
                                .list(
                                    .object([
                                        ("label", .string), ("numbers", .list(.integer)),
                                        ("accessible", .list(.integer)),
                                    ])
                                )
                            ),
                        ])
                    )
                ),
                ("groups", .list(.string)),
            ])
        ),
        ("SaleNumbers", object(saleNumbers)),
        (
            "SaleCurves",
            object([
                ("on_sale", .string), ("at", .list(.instant)), ("joined", .list(.integer)),
                ("serving", .list(.integer)), ("active", .list(.integer)), ("entered", .list(.integer)),
                ("missed", .list(.integer)), ("held", .list(.integer)), ("revenue", .list(.integer)),
                ("sold", .list(.list(.integer))),
            ])
        ),
        (
            "SaleMinutes",
            object(
                [("on_sale", .string), ("at", .list(.instant))]
                    + SaleMinutes.columns.map { ($0, .list(.integer)) }
            )
        ),
        ("EventList", object([("events", .list(.reference("Event"))), ("next", .string)])),
        (
            "Event",
            object([
                ("specversion", .oneOf(["1.0"])), ("id", .string), ("source", .string), ("type", .string),
                ("time", .instant), ("partitionkey", .string), ("dataschema", .string),
                ("datacontenttype", .oneOf(["application/json"])),
                ("data", .free("As the JSON Schema of its type says, see docs/events.")),
            ])
        ),
        ("PlanPatch", free("The members of a plan's head that are to change.")),
        ("SignIn", object([("key", .text(200))])),
        (
            "Session",
            object([
                ("role", oneOf(APIKeys.Role.allCases.map(\.rawValue))), ("label", .string),
                ("scopes", .list(.string)), ("csrf", .string), ("expires_at", .instant),
            ])
        ),
        ("Reason", object([("reason?", .nullable(.text(1_000)))])),
        ("Refund", object([("reservation", .string)])),
        ("Stop", object([("confirm", .text(200)), ("reason?", .nullable(.text(1_000)))])),
        (
            "FailOpen",
            object([
                ("seconds", .within(0...OnSales.longestFailOpen)), ("confirm", .text(200)),
                ("reason?", .nullable(.text(1_000))),
            ])
        ),
        ("Rate", object([("rate_per_minute", .within(0...1_000_000))])),
        ("Message", object([("message?", .nullable(.text(1_000)))])),
        ("OnSaleRecord", object(record)),
        (
            "OnSaleRecordList",
            object([("on_sales", .list(.reference("OnSaleRecord"))), ("next", .nullable(.string))])
        ),
        ("BuyerKey", object([("on_sale", .string), ("key", .string)])),
        (
            "Contact",
            object([
                ("channel", oneOf(["email", "sms"])), ("address", .text(254)),
                ("locale?", .nullable(.text(12))),
            ])
        ),
        (
            "NotificationList",
            object([("notifications", .list(.object(notification))), ("next", .nullable(.integer))])
        ),
        ("TemplateText", object([("subject?", .nullable(.text(500))), ("body", .text(10_000))])),
        (
            "Template",
            object([
                ("name", .string), ("version", .integer), ("subject", .string), ("body", .string),
                ("previews", .list(.object([("subject", .string), ("body", .string)]))),
            ])
        ),
        (
            "PaymentCaseList",
            object([
                (
                    "payments",
                    .list(
                        .object([
                            ("reference", .string), ("reservation", .string), ("on_sale", .string),
                            ("method", .string), ("amount", .reference("Money")),
                            ("detail", .nullable(.string)),
                            ("since", .instant),
                        ])
                    )
                )
            ])
        ),
        ("PaymentFinding", object([("found", oneOf(findings)), ("note", .text(1_000))])),
        (
            "SettledPayment",
            object([
                ("reference", .string), ("state", oneOf(findings)), ("reservation", .string),
                ("reservation_state", .string),
            ])
        ),
        ("WorkerList", object([("workers", .list(.object(worker))), ("pools", .list(.reference("Pool")))])),
        ("QueueState", object([("name", .string), ("paused", .boolean)])),
        ("Scale", object([("workers", .within(0...64))])),
        ("Pool", object([("name", .string), ("queues", .list(.string)), ("workers", .integer)])),
    ]

    typealias Members = [(name: String, schema: Schema)]

    private static let publicStates = oneOf([
        "scheduled", "prequeue", "admitting", "paused", "sold_out", "closed",
    ])

    private static let throttleReasons = oneOf(AdmissionPressure.Signal.allCases.map(\.rawValue))

    private static let findings = PaymentCases.Finding.allCases.map(\.rawValue)

    private static let buyers = oneOf(["anonymous", "proven"])

    private static let tier: Members = [
        ("id", .string), ("name", .string), ("price", .reference("Money")), ("numbered", .boolean),
        ("capacity", .integer), ("only_for", .list(.string)), ("public_at", .nullable(.instant)),
    ]

    private static let onSale: Members = [
        ("id", .string), ("title", .string), ("venue", .string), ("city", .string), ("state", publicStates),
        ("opens_at", .instant), ("starts_at", .instant), ("closes_at", .instant),
        ("tiers", .list(.reference("Tier"))), ("max_per_buyer", .integer), ("buyers", buyers),
        ("groups", .list(.object(group))),
        ("invitation_only", .boolean), ("message", .nullable(.string)),
    ]

    private static let status: Members = [
        ("on_sale", .string), ("state", publicStates), ("serving", .integer), ("last", .integer),
        ("rate_per_minute", .integer),
        (
            "pause",
            .nullable(
                .object([("since", .instant), ("reason", .nullable(.string)), ("stopped", .boolean)])
            )
        ),
        ("throttle", .nullable(.object([("factor", .number), ("reason", throttleReasons)]))),
        ("open_until", .nullable(.instant)), ("tiers", .list(.reference("TierStock"))),
        ("message", .nullable(.string)),
        ("poll_after_ms", .integer), ("seq", .integer), ("stale", .boolean), ("as_of", .nullable(.instant)),
    ]

    private static let left = Schema.oneOf(["many", "few", "none"])

    private static let roughSeatMap: Members = [
        ("on_sale", .string), ("state", .string),
        (
            "tiers",
            .list(
                .object([
                    ("id", .string), ("name", .string), ("price", .reference("Money")),
                    ("numbered", .boolean),
                    ("left", left),
                ])
            )
        ),
        (
            "sections",
            .list(
                .object([
                    ("id", .string), ("name", .string), ("tier", .string), ("left", left),
                    (
                        "rows",
                        .list(.object([("label", .string), ("seats", .string), ("accessible", .string)]))
                    ),
                ])
            )
        ),
    ]

    private static let seatMap: Members = [
        ("on_sale", .string), ("states", free("What each letter of a row's states means.")),
        (
            "sections",
            .list(
                .object([
                    ("id", .string), ("name", .string), ("tier", .string),
                    (
                        "rows",
                        .list(
                            .object([
                                ("label", .string), ("numbers", .list(.integer)), ("states", .string),
                                ("accessible", .list(.integer)),
                            ])
                        )
                    ),
                ])
            )
        ),
    ]

    private static let fairness: Members = [
        ("on_sale", .string), ("commitment", .string), ("keeper", oneOf(["usher", "promoter"])),
        ("beacon", .object(beacon)), ("starts_at", .instant), ("entries", .nullable(.integer)),
        ("sealed_at", .nullable(.instant)), ("root", .nullable(.string)), ("rooted_at", .nullable(.instant)),
        ("reveal_by", .nullable(.instant)), ("revealed_at", .nullable(.instant)),
        ("drawn_at", .nullable(.instant)), ("secret", .nullable(.string)), ("key", .nullable(.string)),
        ("flags", .list(.string)), ("rests_on", .nullable(.string)),
    ]

    private static let beacon: Members = [
        ("kind", oneOf(["none", "drand", "announced"])), ("url?", .string), ("genesis_at?", .instant),
        ("period_seconds?", .integer), ("round?", .nullable(.integer)), ("announced?", .string),
        ("at", .nullable(.instant)), ("wait_seconds", .integer), ("value", .nullable(.string)),
        ("proof", .nullable(.string)), ("taken_at", .nullable(.instant)),
    ]

    private static let certificate: Members = [
        ("on_sale", .string), ("title", .string), ("state", publicStates), ("final", .boolean),
        ("read_at", .instant), ("draw", .reference("Fairness")),
        (
            "line",
            .object([
                ("joined", .integer), ("called", .integer), ("admitted", .integer), ("missed", .integer),
                ("admitted_ahead_of_turn", .integer), ("called_again", .integer),
                ("from_waitlist", .integer),
            ])
        ),
        (
            "tiers",
            .list(
                .object([
                    ("id", .string), ("name", .string), ("capacity", .integer), ("sold", .integer),
                    ("refunded", .integer), ("live", .integer), ("oversold", .integer),
                ])
            )
        ),
        ("exceptions", .integer),
        (
            "audit",
            .list(
                .object([
                    ("ordinal", .integer), ("recorded_at", .instant), ("actor", .string), ("action", .string),
                    ("detail", .string), ("hash", .string),
                ])
            )
        ),
        ("audit_whole", .boolean), ("violations", .list(.string)),
    ]

    private static let groupCounts: Members = [
        ("id", .string), ("name", .string), ("priority", .integer), ("codes", .integer), ("used", .integer),
        ("revoked", .integer), ("invited", .integer),
    ]

    private static let group: Members = [("id", .string), ("name", .string), ("priority", .integer)]

    private static let proof: Members = [
        ("place", .string), ("on_sale", .string), ("arrival", .integer), ("entries", .integer),
        ("blinding", .string), ("priority", .nullable(.integer)), ("leaf", .string),
        ("siblings", .list(.string)), ("root", .string),
    ]

    private static let joined: Members = [
        ("place", .string), ("token?", .string), ("state", .string), ("receipt", .string),
        ("poll_after_ms", .integer),
    ]

    private static let place: Members = [
        ("place", .string), ("on_sale", .string),
        ("state", oneOf(["prequeue", "waiting", "called", "admitted", "missed", "left", "done"])),
        ("number", .nullable(.integer)), ("ahead", .nullable(.integer)),
        (
            "eta_seconds",
            .nullable(.object([("p25", .integer), ("p50", .integer), ("p75", .integer)]))
        ),
        ("chance_left", .nullable(.number)), ("waitlist_position", .nullable(.integer)),
        ("turn_expires_at", .nullable(.instant)),
        ("poll_after_ms", .integer), ("seq", .integer), ("stale", .boolean),
        ("as_of", .nullable(.instant)),
    ]

    private static let reservation: Members = [
        ("reservation", .string),
        ("state", oneOf(["held", "paying", "sold", "expired", "released", "refunded"])),
        ("expires_at", .nullable(.instant)), ("tier", .string), ("quantity", .integer),
        ("seats", .list(.string)),
        ("total", .reference("Money")), ("extensions_left?", .integer), ("payments_left?", .integer),
        ("together?", .nullable(together)), ("problem?", .nullable(.string)),
        ("next_action?", .nullable(.string)),
    ]

    private static let together = oneOf(Together.allCases.map(\.rawValue))

    private static let record: Members = [
        ("id", .string), ("title", .string), ("venue", .string), ("city", .string), ("currency", .string),
        ("state", .string), ("paused_at", .nullable(.instant)), ("opens_at", .instant),
        ("starts_at", .instant),
        ("closes_at", .instant), ("rate_per_minute", .integer), ("active_limit", .integer),
        ("turn_seconds", .integer), ("session_seconds", .integer), ("reoffer_limit", .integer),
        ("reoffer_seconds", .integer), ("message", .nullable(.string)),
        ("serving", .integer), ("last", .integer), ("no_show", .number),
        ("admission_note", .nullable(.string)),
        ("seq", .integer), ("created_at", .instant), ("buyers", buyers),
    ]

    private static let saleNumbers: Members = [
        ("on_sale", .string), ("as_of", .instant), ("state", .string), ("paused_at", .nullable(.instant)),
        ("note", .nullable(.string)), ("message", .nullable(.string)),
        (
            "line",
            .object([
                ("joined", .integer), ("serving", .integer), ("waiting", .integer), ("called", .integer),
                ("called_last_minute", .integer), ("turns_open", .integer), ("missed", .integer),
            ])
        ),
        (
            "door",
            .object([
                ("rate_per_minute", .integer), ("active", .integer), ("active_limit", .integer),
                ("entered", .integer), ("ended", .integer), ("bought", .integer),
            ])
        ),
        (
            "tiers",
            .list(
                .object([
                    ("id", .string), ("name", .string), ("price", .reference("Money")),
                    ("capacity", .integer), ("free", .integer), ("withheld", .integer), ("held", .integer),
                    ("paying", .integer), ("sold", .integer),
                ])
            )
        ),
        ("revenue", .reference("Money")),
    ]

    private static let notification: Members = [
        ("id", .integer), ("kind", .string), ("state", .string), ("recipient", .string),
        ("channel", .nullable(.string)), ("template", .nullable(.string)), ("attempts", .integer),
        ("detail", .nullable(.string)), ("created_at", .instant), ("settled_at", .nullable(.instant)),
    ]

    private static let worker: Members = [
        ("id", .string), ("pool", .string), ("queues", .list(.string)), ("host", .string),
        ("process", .integer),
        ("capacity", .integer), ("running", .integer), ("draining", .boolean), ("started_at", .instant),
        ("heartbeat_at", .instant),
    ]
}
