package import Postgres

/// What scheduling promises of the draw, before anybody joins.
package struct DrawTerms: Sendable, Equatable {
    /// A public value that nobody can know before its time.
    package enum Beacon: Sendable, Equatable {
        /// There is none: the draw rests on whoever has the secret.
        case none
        /// A round of a drand network, read from `url`/public/{round}; round 1 came into being at `genesis`.
        ///
        /// Source: https://docs.drand.love/dev-guide/API%20Documentation/HTTP-API
        case drand(url: String, genesis: PostgresTimestamp, period: Int)
        /// What the promoter files by hand, with its proof: the numbers of a public lottery, say.
        case announced(String, at: PostgresTimestamp)
    }

    package var beacon: Beacon
    /// How long the draw waits for the beacon after its time.
    package var beaconWaitSeconds: Int
    /// SHA-256 of `usher.commit.v1` and the secret, when the promoter keeps it; nil: Usher makes one and keeps it.
    package var commitment: [UInt8]?
    /// How long after the seal the promoter can hand the secret in.
    package var revealSeconds: Int

    /// No beacon, and a secret that Usher keeps.
    package static let plain = DrawTerms(
        beacon: .none,
        beaconWaitSeconds: 600,
        commitment: nil,
        revealSeconds: 120
    )

    /// What scheduling leaves for sealing a million entries before the beacon's time.
    private static let plannedLead = 10
    /// The least time between the published root and the beacon's.
    private static let leastLead = 2

    /// The beacon that is promised: the first that comes into being well after the start.
    package func promised(startsAt: PostgresTimestamp) -> BeaconDue? {
        beacon.first(after: startsAt + .seconds(commitment == nil ? Self.plannedLead : plannedReveal))
    }

    /// The beacon of a root that was published at `rootedAt`: the promised one, unless it is too early by now.
    ///
    /// - Returns: nil when no value can come into being after the root.
    package func due(rootedAt: PostgresTimestamp, promised: BeaconDue) -> BeaconDue? {
        let earliest = rootedAt + .seconds(commitment == nil ? Self.leastLead : revealSeconds)
        return promised.at > earliest ? promised : beacon.first(after: earliest)
    }

    private var plannedReveal: Int { revealSeconds + Self.plannedLead }
}

/// Which value of a beacon is meant, and when it comes into being.
package struct BeaconDue: Sendable, Equatable {
    /// Of a drand network.
    package let round: Int64?
    package let at: PostgresTimestamp
}

extension DrawTerms.Beacon {
    /// The first value that comes into being after an instant; nil when there is none.
    func first(after instant: PostgresTimestamp) -> BeaconDue? {
        switch self {
        case .none: return nil
        case .announced(_, let at): return at > instant ? BeaconDue(round: nil, at: at) : nil
        case .drand(_, let genesis, let period):
            let seconds = Int64(period) * 1_000_000
            let gone = instant.microseconds - genesis.microseconds
            // Round r is at genesis + (r - 1) periods.
            let round = gone < 0 ? 1 : gone / seconds + 2
            return BeaconDue(
                round: round,
                at: PostgresTimestamp(microseconds: genesis.microseconds + (round - 1) * seconds)
            )
        }
    }
}
