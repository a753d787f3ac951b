package import Postgres

/// What has come of a draw's terms: how far its publication is, and what is missing.
package struct DrawCeremony: Sendable, Equatable {
    /// Who keeps the secret until it is revealed.
    package enum Keeper: String, Sendable, Codable, PostgresEncodable, PostgresDecodable {
        case usher
        case promoter
    }

    /// What a certificate says of a draw that did not go as one would wish.
    package enum Flag: String, Sendable, Codable, CaseIterable {
        /// The entries were fixed more than a minute after the start.
        case sealedLate = "sealed_late"
        /// The promised beacon would have come before the root, so a later one was taken.
        case beaconMoved = "beacon_moved"
        /// A beacon was promised and is not part of the key.
        case beaconMissing = "beacon_missing"
        /// None was promised.
        case noBeacon = "no_beacon"
        /// The promoter did not hand the secret in.
        case secretWithheld = "secret_withheld"
    }

    package let keeper: Keeper
    /// Nil until the promoter hands it in; nobody outside sees it before the draw.
    let secret: [UInt8]?
    package let revealSeconds: Int
    package let beacon: DrawTerms.Beacon
    package let beaconWaitSeconds: Int
    /// Which value is used, and from when it exists; nil when there is none.
    package let due: BeaconDue?
    package let rootedAt: PostgresTimestamp?
    /// Until when the promoter can hand in the secret.
    package let revealBy: PostgresTimestamp?
    package let revealedAt: PostgresTimestamp?
    /// Until when the draw waits for the beacon.
    package let beaconBy: PostgresTimestamp?
    package let value: [UInt8]?
    package let proof: String?
    package let takenAt: PostgresTimestamp?
    package let flags: [Flag]

    /// What a draw that is sealed has to do next.
    package enum Step: Sendable, Equatable {
        /// Nothing until then, unless something is filed.
        case wait(until: PostgresTimestamp)
        /// The beacon's value exists; it is to be read.
        case fetch(BeaconRequest)
        /// All is there that will be.
        case draw
    }

    /// Decides by what is known and the time.
    package func step(now: PostgresTimestamp) -> Step {
        if keeper == .promoter, secret == nil, let revealBy, now < revealBy { return .wait(until: revealBy) }
        guard value == nil, let due, let beaconBy, now < beaconBy else { return .draw }
        guard now >= due.at else { return .wait(until: due.at) }
        guard case .drand(let url, _, _) = beacon, let round = due.round else {
            return .wait(until: beaconBy)
        }
        return .fetch(BeaconRequest(url: url, round: round))
    }

    /// The flags of a draw that is made with what there is.
    var flagsAtDraw: [Flag] {
        var flags = flags
        if beacon == .none { flags.append(.noBeacon) } else if value == nil { flags.append(.beaconMissing) }
        if keeper == .promoter, secret == nil { flags.append(.secretWithheld) }
        return flags
    }

    /// What the draw rests on, in words for everyone.
    package var restsOn: String {
        let holder =
            keeper == .usher ? "the operator, who kept the secret," : "the promoter, who kept the secret,"
        switch (value != nil, keeper == .usher || secret != nil) {
        case (true, true):
            return
                "The order follows from a secret that was committed to before anyone joined, from the entries as "
                + "they were sealed, and from a public value that did not exist until after the seal. Nobody could "
                + "know the order, or choose among orders, before that value came into being."
        case (true, false):
            return
                "The secret was not handed in. The order follows from the entries as they were sealed and from a "
                + "public value that did not exist until after the seal; only someone who can set that value could "
                + "have chosen among orders."
        case (false, true):
            return
                "No public value is part of this draw. It rests on \(holder) who could have computed the order "
                + "of any set of entries before the seal."
        case (false, false):
            return
                "Neither the secret nor a public value is part of this draw. The order follows from the entries "
                + "alone, and whoever joined last could have computed it."
        }
    }
}
