internal import BoxOffice
internal import HTTP

/// An on-sale as it was at one moment, with the documents that everyone shares.
///
/// An object, because every answer takes one out of the board: the many fields of a struct would each be counted.
final class OnSaleSnapshot: Sendable {
    let facts: OnSaleStatus
    /// The drawn order; nil before the draw.
    let order: DrawOrder?
    /// How much longer than usual clients should wait between two looks.
    private let stretch: PollStretch
    /// `/status` while the database is heard of.
    private let fresh: Status
    /// `/status` once it is not: the same, and of when.
    private let stale: Status

    /// `/status`, ready to send.
    struct Status: Sendable {
        let response: HTTPResponse
        /// What tells this document from others of the on-sale.
        let tag: String

        fileprivate init(_ facts: OnSaleStatus, _ stretch: PollStretch, isStale: Bool) {
            let body = OnSaleSnapshot.document(facts, stretch, isStale: isStale)
            tag = "\"\(facts.seq)-\(String(OnSaleSnapshot.fingerprint(body), radix: 36))\""
            response = .json(
                body,
                headers: ["Cache-Control": "public, s-maxage=1, stale-while-revalidate=5", "ETag": tag]
            ).laidOut()
        }
    }

    init(_ facts: OnSaleStatus, order: DrawOrder?, stretch: PollStretch = PollStretch()) {
        self.facts = facts
        self.order = order
        self.stretch = stretch
        fresh = Status(facts, stretch, isStale: false)
        stale = Status(facts, stretch, isStale: true)
    }

    /// How long a buyer should wait before asking for the place again.
    func pollMilliseconds(_ view: PlaceStanding) -> Int {
        switch view.state {
        case .waiting where view.isAgain: pollMillisecondsAgain
        case .prequeue, .waiting: pollMilliseconds(number: view.number)
        // Their turn runs.
        case .called, .admitted: PollPolicy.milliseconds(waitSeconds: 0, turnSeconds: facts.turnSeconds)
        case .missed, .left, .done: 30_000
        }
    }

    /// The same for whoever has this number; nil is a number that nobody knows yet.
    func pollMilliseconds(number: Int64?) -> Int {
        facts.pollMilliseconds(number: number, stretch: stretch.factor)
    }

    /// The same for whoever waits for a turn after the first.
    var pollMillisecondsAgain: Int { facts.pollMillisecondsAgain(stretch: stretch.factor) }

    /// `/status`; a stale one says so.
    func status(isStale: Bool) -> Status { isStale ? stale : fresh }

    var id: OnSaleID { facts.id }
    /// Whether what comes back is for those on the waitlist, whatever their numbers are.
    var hasWaitlist: Bool { facts.state == .soldOut }

    /// `/status`: nothing in it depends on who asks.
    private static func document(_ facts: OnSaleStatus, _ stretch: PollStretch, isStale: Bool) -> [UInt8] {
        JSONWriter.object { json in
            json.field("on_sale", facts.id.publicID)
            json.field("state", facts.publishedState)
            json.field("serving", facts.serving)
            json.field("last", facts.last)
            json.field("rate_per_minute", facts.ratePerMinute)
            writeExceptions(facts, to: &json)
            json.array("tiers") { list in
                for tier in facts.tiers { list.object { write(tier, of: facts, withStock: true, to: &$0) } }
            }
            json.field("message", facts.message)
            json.field("poll_after_ms", facts.pollMilliseconds(stretch: stretch.factor))
            json.field("seq", facts.seq)
            writeAge(of: facts, isStale: isStale, to: &json)
        }
    }

    /// Whether, and since when, this is no more than what was last heard.
    ///
    /// The moment is told only of what is stale: with a new one in it each second, no document would be like the last, and
    /// every question about it would have to be answered in full.
    static func writeAge(of facts: OnSaleStatus, isStale: Bool, to json: inout JSONWriter) {
        json.field("stale", isStale)
        json.field("as_of", isStale ? "\(facts.readAt)" : nil)
    }

    /// Why the line moves otherwise than the rate says.
    private static func writeExceptions(_ facts: OnSaleStatus, to json: inout JSONWriter) {
        if let since = facts.pausedAt {
            json.object("pause") { pause in
                pause.field("since", "\(since)")
                pause.field("reason", facts.pauseReason)
                pause.field("stopped", facts.isStopped)
            }
        } else {
            json.field("pause", JSONValue.null)
        }
        if facts.pressure.factor < 1 {
            json.object("throttle") { throttle in
                throttle.field("factor", (facts.pressure.factor * 100).rounded() / 100)
                throttle.field("reason", facts.pressure.reason?.rawValue)
            }
        } else {
            json.field("throttle", JSONValue.null)
        }
        json.field("open_until", facts.openUntil.flatMap { $0 > facts.readAt ? "\($0)" : nil })
    }

    /// The on-sale as buyers see it before they join.
    func write(to json: inout JSONWriter) {
        json.field("id", id.publicID)
        json.field("title", facts.title)
        json.field("venue", facts.venue)
        json.field("city", facts.city)
        json.field("state", facts.publishedState)
        json.field("opens_at", "\(facts.opensAt)")
        json.field("starts_at", "\(facts.startsAt)")
        json.field("closes_at", "\(facts.closesAt)")
        json.array("tiers") { list in
            for tier in facts.tiers { list.object { Self.write(tier, of: facts, withStock: false, to: &$0) } }
        }
        json.field("max_per_buyer", facts.maxPerBuyer)
        json.field("buyers", facts.buyers.rawValue)
        json.array("groups") { list in
            for group in facts.groups {
                list.object { json in
                    json.field("id", group.id)
                    json.field("name", group.name)
                    json.field("priority", group.priority)
                }
            }
        }
        json.field("invitation_only", facts.isInvitationOnly)
        json.field("message", facts.message)
    }

    private static func write(
        _ tier: OnSaleStatus.Tier,
        of facts: OnSaleStatus,
        withStock: Bool,
        to json: inout JSONWriter
    ) {
        json.field("id", tier.id)
        json.field("name", tier.name)
        json.money("price", tier.price, facts.currency)
        json.field("numbered", tier.numbered)
        json.field("capacity", tier.capacity)
        json.array("only_for") { for group in tier.onlyFor { $0.value(group) } }
        json.field("public_at", tier.publicAt.map { "\($0)" })
        guard withStock else { return }
        json.field("free", tier.free)
        json.field("held", tier.held)
        json.field("sold", tier.sold)
    }

    /// FNV-1a: tells documents of one `seq` apart, no more.
    private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }
}
