internal import Postgres

/// Reads how an on-sale is to be drawn.
enum PlanDraw {
    /// Nil, with notes, when something doesn't fit.
    static func read(_ fields: PlanFields, startsAt: PostgresTimestamp?) -> DrawTerms? {
        guard let value = fields.value("draw") else { return .plain }
        let accepted = ["beacon", "beacon_wait_seconds", "commitment", "reveal_seconds"]
        guard
            let draw = PlanFields(value, at: fields.at("draw"), accepting: accepted, issues: fields.issues)
        else { return nil }
        let beacon: DrawTerms.Beacon? = draw.has("beacon") ? beacon(draw) : DrawTerms.Beacon.none
        let wait = draw.integer("beacon_wait_seconds", in: 1...86_400, fallback: 600)
        let reveal = draw.integer("reveal_seconds", in: 10...86_400, fallback: 120)
        let commitment = draw.has("commitment") ? hash(draw, "commitment") : nil
        guard let beacon, let wait, let reveal, !draw.has("commitment") || commitment != nil else {
            return nil
        }
        let terms = DrawTerms(
            beacon: beacon,
            beaconWaitSeconds: wait,
            commitment: commitment,
            revealSeconds: reveal
        )
        if let startsAt { terms.check(startsAt: startsAt, at: draw.at("beacon"), fields.issues) }
        return terms
    }

    private static func beacon(_ draw: PlanFields) -> DrawTerms.Beacon? {
        guard let value = draw.value("beacon"),
            let fields = PlanFields(
                value,
                at: draw.at("beacon"),
                accepting: ["drand", "genesis_at", "period_seconds", "announced", "at"],
                issues: draw.issues
            )
        else { return nil }
        switch (fields.has("drand"), fields.has("announced")) {
        case (true, false):
            let url = fields.required("drand", "the https address of a drand chain, without /public") {
                PlanDraw.url($0)
            }
            let genesis = fields.instant("genesis_at")
            let period = fields.integer("period_seconds", in: 1...3600)
            guard let url, let genesis, let period else { return nil }
            return .drand(url: url, genesis: genesis, period: period)
        case (false, true):
            let words = fields.string("announced", upTo: 500)
            let at = fields.instant("at")
            guard let words, let at else { return nil }
            return .announced(words, at: at)
        default:
            fields.issues.add(
                fields.path,
                "must have either drand (with genesis_at and period_seconds) or announced (with at)"
            )
            return nil
        }
    }

    /// Over https; plain http only on this machine, where rehearsals and tests have their beacon.
    private static func url(_ value: PlanValue) -> String? {
        guard case .string(let text) = value, text.utf8.count <= 300, !text.hasSuffix("/"),
            text.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
            )
        else { return nil }
        let accepted = ["https://", "http://127.0.0.1:", "http://localhost:"]
        return accepted.contains { text.hasPrefix($0) && text.count > $0.count } ? text : nil
    }

    private static func hash(_ fields: PlanFields, _ name: String) -> [UInt8]? {
        fields.required(name, "64 hexadecimal digits") { value in
            guard case .string(let text) = value, let bytes = Hex.decode(text), bytes.count == Digest.length
            else { return nil }
            return bytes
        }
    }
}

extension DrawTerms {
    /// Notes a beacon that would come before the entries are fixed.
    func check(startsAt: PostgresTimestamp, at path: String, _ issues: PlanIssues) {
        guard beacon != .none, promised(startsAt: startsAt) == nil else { return }
        let lead = commitment == nil ? "10 seconds" : "10 seconds and reveal_seconds"
        issues.add("\(path).at", "must lie more than \(lead) after starts_at (\(startsAt))")
    }
}
