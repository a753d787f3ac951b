internal import BoxOffice
internal import HTTP
internal import Postgres

extension RehearsedDraw {
    /// The plan's `draw` as it is rehearsed; nil is none.
    ///
    /// Nobody outside is asked: a value is filed at the time at which the beacon's would exist. The secret is one that
    /// the seed makes, which is committed to once the plan is filed.
    func json(of terms: DrawTerms, startsAt: PostgresTimestamp) -> JSONValue? {
        guard self != .now, terms != .plain else { return nil }
        var members: [JSONValue.Member] = [
            .init("reveal_seconds", .int(Int64(terms.revealSeconds))),
            .init("beacon_wait_seconds", .int(Int64(terms.beaconWaitSeconds))),
        ]
        if let commitment = terms.commitment {
            members.append(.init("commitment", .string(Hex.encode(commitment))))
        }
        if let due = terms.promised(startsAt: startsAt) {
            let beacon: [JSONValue.Member] = [
                .init("announced", .string("rehearsed")),
                .init("at", .string("\(due.at)")),
            ]
            members.append(.init("beacon", .object(beacon)))
        }
        return .object(members)
    }
}
