internal import HTTP

extension Schema {
    /// The problem document that every refusal is.
    static let problem = object([
        ("type", .string), ("title", .string), ("status", .integer), ("code", .reference("ProblemCode")),
        ("detail?", .string),
        ("errors?", .list(.object([("field", .string), ("message", .string)]))),
    ])

    /// Every schema that an operation names, in the order of the document.
    static let all: [(name: String, schema: Schema)] = [
        ("Money", object([("amount", .integer), ("currency", .string)])),
        ("Tier", object(tier)),
        ("TierStock", object(tier + [("free", .integer), ("held", .integer), ("sold", .integer)])),
        ("OnSale", object(onSale)),
        ("OnSaleList", object([("on_sales", .list(.reference("OnSale"))), ("next", .nullable(.string))])),
        ("Status", object(status)),
        ("SeatMap", object(seatMap)),
        ("Fairness", object(fairness)),
        (
            "Join",
            free(
                "Exactly one of `buyer` (the promoter's assertion of who it is) and `secret` (16 random bytes or more in "
                    + "unpadded base64url; refused where `buyers` is `proven`)."
            )
        ),
        ("Joined", object(joined)),
        ("Place", object(place)),
        ("Admission", object([("admission_token", .string), ("expires_at", .instant)])),
        ("Reserve", free("Either `tier` (string) and `quantity` (integer), or `seats` (list of labels).")),
        ("Checkout", object([("payment_method", .string)])),
        ("Reservation", object(reservation)),
        (
            "PaymentReport",
            object([("reference", .string), ("id", .string), ("state", .string), ("detail?", .string)])
        ),
        ("CallbackResult", object([("result", .oneOf(["told", "known", "voiding", "unknown"]))])),
        ("Plan", free("A plan as Examples/arena.json shows it; what does not fit is named field by field.")),
        ("PlanPatch", free("The members of a plan's head that are to change.")),
        ("Reason", object([("reason?", .string)])),
        ("Rate", object([("rate_per_minute", .integer)])),
        ("Message", object([("message?", .nullable(.string))])),
        ("OnSaleRecord", object(record)),
        (
            "OnSaleRecordList",
            object([("on_sales", .list(.reference("OnSaleRecord"))), ("next", .nullable(.string))])
        ),
        ("BuyerKey", object([("on_sale", .string), ("key", .string)])),
        ("QueueList", object([("queues", .list(.object(queue)))])),
        ("WorkerList", object([("workers", .list(.object(worker))), ("pools", .list(.reference("Pool")))])),
        ("QueueState", object([("name", .string), ("paused", .boolean)])),
        ("Scale", object([("workers", .integer)])),
        ("Pool", object([("name", .string), ("queues", .list(.string)), ("workers", .integer)])),
    ]

    private typealias Members = [(name: String, schema: Schema)]

    private static let publicStates = oneOf([
        "scheduled", "prequeue", "admitting", "paused", "sold_out", "closed",
    ])

    private static let buyers = oneOf(["anonymous", "proven"])

    private static let tier: Members = [
        ("id", .string), ("name", .string), ("price", .reference("Money")), ("numbered", .boolean),
        ("capacity", .integer),
    ]

    private static let onSale: Members = [
        ("id", .string), ("title", .string), ("venue", .string), ("city", .string), ("state", publicStates),
        ("opens_at", .instant), ("starts_at", .instant), ("closes_at", .instant),
        ("tiers", .list(.reference("Tier"))), ("buyers", buyers), ("message", .nullable(.string)),
    ]

    private static let status: Members = [
        ("on_sale", .string), ("state", publicStates), ("serving", .integer), ("last", .integer),
        ("rate_per_minute", .integer), ("tiers", .list(.reference("TierStock"))),
        ("message", .nullable(.string)),
        ("poll_after_ms", .integer), ("seq", .integer),
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
                            .object([("label", .string), ("numbers", .list(.integer)), ("states", .string)])
                        )
                    ),
                ])
            )
        ),
    ]

    private static let fairness: Members = [
        ("on_sale", .string), ("commitment", .string), ("entries", .nullable(.integer)),
        ("sealed_at", .nullable(.instant)), ("root", .nullable(.string)), ("drawn_at", .nullable(.instant)),
        ("secret", .nullable(.string)), ("key", .nullable(.string)),
    ]

    private static let joined: Members = [
        ("place", .string), ("token", .string), ("state", .string), ("receipt", .string),
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
        ("turn_expires_at", .nullable(.instant)), ("poll_after_ms", .integer), ("seq", .integer),
    ]

    private static let reservation: Members = [
        ("reservation", .string),
        ("state", oneOf(["held", "paying", "sold", "expired", "released", "refunded"])),
        ("expires_at", .nullable(.instant)), ("tier", .string), ("quantity", .integer),
        ("seats", .list(.string)),
        ("total", .reference("Money")), ("extensions_left?", .integer), ("payments_left?", .integer),
        ("problem?", .nullable(.string)), ("next_action?", .nullable(.string)),
    ]

    private static let record: Members = [
        ("id", .string), ("title", .string), ("venue", .string), ("city", .string), ("currency", .string),
        ("state", .string), ("paused_at", .nullable(.instant)), ("opens_at", .instant),
        ("starts_at", .instant),
        ("closes_at", .instant), ("rate_per_minute", .integer), ("active_limit", .integer),
        ("turn_seconds", .integer), ("session_seconds", .integer), ("message", .nullable(.string)),
        ("serving", .integer), ("last", .integer), ("no_show", .number),
        ("admission_note", .nullable(.string)),
        ("seq", .integer), ("created_at", .instant), ("buyers", buyers),
    ]

    private static let queue: Members = [
        ("name", .string), ("lanes", .integer), ("paused", .boolean), ("ready", .integer),
        ("blocked", .integer),
    ]

    private static let worker: Members = [
        ("id", .string), ("pool", .string), ("queues", .list(.string)), ("host", .string),
        ("process", .integer),
        ("capacity", .integer), ("running", .integer), ("draining", .boolean), ("started_at", .instant),
        ("heartbeat_at", .instant),
    ]
}
