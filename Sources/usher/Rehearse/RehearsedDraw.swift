internal import BoxOffice
internal import HTTP
internal import Postgres

/// What comes of the things that a plan's draw waits for.
enum RehearsedDraw: String, Sendable, CaseIterable {
    /// It waits for nothing.
    case now
    /// The promoter hands the secret in as soon as that can be done, and the beacon's value is there in its time.
    case prompt
    /// Neither ever comes.
    case withheld

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

/// What a rehearsed draw still waits for.
struct DrawErrands: Sendable {
    private var secret: [UInt8]?
    private var beacon: String?

    /// - Parameters:
    ///   - plan: As it is rehearsed.
    ///   - secret: What was committed to.
    init(_ plan: RehearsalPlan, secret: [UInt8]) {
        guard plan.draw == .prompt else { return }
        self.secret = plan.plan.draw.commitment == nil ? nil : secret
        beacon = plan.plan.draw.beacon == .none ? nil : Hex.encode(secret)
    }

    /// Files what can be filed by now.
    mutating func run(_ onSale: OnSaleID, _ onSales: OnSales) async throws {
        do {
            if let some = secret {
                try await onSales.reveal(onSale, secret: some, by: "rehearsal")
                secret = nil
            }
            if let some = beacon {
                try await onSales.fileBeacon(onSale, value: some, proof: "rehearsed", by: "rehearsal")
                beacon = nil
            }
        } catch DrawFilingProblem.tooEarly {
            // It is tried again in a second.
        }
    }
}
