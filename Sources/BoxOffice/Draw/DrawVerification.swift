internal import Postgres

/// Makes a published draw again, as anybody can who has `docs/fairness.md`.
package struct DrawVerification: Sendable {
    /// One thing that was checked.
    package struct Finding: Sendable, Equatable {
        package let isFine: Bool
        package let text: String
    }

    /// What was checked, in the order of the ceremony.
    package private(set) var findings: [Finding] = []
    /// The order, if there is a key.
    package private(set) var order: DrawOrder?

    private let published: PublishedDraw
    private let leaves: [UInt8]
    private let priorities: [UInt8]?

    /// Whether nothing that was checked is wrong.
    package var isFine: Bool { findings.allSatisfy(\.isFine) }

    /// - Parameters:
    ///   - published: The fairness document.
    ///   - leaves: The entries' hashes in order of arrival, 32 bytes each, end to end.
    ///   - priorities: One byte for each entry, where the on-sale has groups.
    package init(_ published: PublishedDraw, leaves: [UInt8], priorities: [UInt8]? = nil) {
        self.priorities = priorities
        self.published = published
        self.leaves = leaves
        checkEntries()
        guard published.drawn_at != nil else {
            note(true, "the draw is not made yet")
            return
        }
        checkSecret()
        checkBeacon()
        checkKey()
        for flag in published.flags { note(true, "the certificate flags this draw: \(flag)") }
    }

    private mutating func note(_ isFine: Bool, _ text: String) {
        findings.append(Finding(isFine: isFine, text: text))
    }

    private mutating func checkEntries() {
        guard let entries = published.entries, let root = published.root.flatMap(Hex.decode) else {
            return note(true, "the entries are not sealed yet")
        }
        let count = leaves.count / Digest.length
        guard count == Int(entries), leaves.count.isMultiple(of: Digest.length) else {
            return note(false, "\(entries) entries are said to be sealed, and \(count) are published")
        }
        note(MerkleTree(leaves: leaves).root == root, "the root is that of the \(entries) published entries")
    }

    private mutating func checkSecret() {
        guard let secret = published.secret.flatMap(Hex.decode) else {
            let isFlagged = published.flags.contains(DrawCeremony.Flag.secretWithheld.rawValue)
            return note(isFlagged, "the secret was withheld, and the certificate says so")
        }
        let isFine = Hex.decode(published.commitment) == Commitment.to(secret)
        note(isFine, "the secret is what was committed to at scheduling")
    }

    private mutating func checkBeacon() {
        let beacon = published.beacon
        guard beacon.kind != "none" else {
            let isFlagged = published.flags.contains(DrawCeremony.Flag.noBeacon.rawValue)
            return note(isFlagged, "no beacon was promised, and the certificate says so")
        }
        guard let value = beacon.value.flatMap(Hex.decode) else {
            let isFlagged = published.flags.contains(DrawCeremony.Flag.beaconMissing.rawValue)
            return note(isFlagged, "the beacon is not part of the key, and the certificate says so")
        }
        let instants = [published.rooted_at, beacon.at, beacon.taken_at].map {
            $0.flatMap(PostgresTimestamp.init(rfc3339:))
        }
        guard let rooted = instants[0], let at = instants[1], let taken = instants[2] else {
            return note(false, "the times of root and beacon are published")
        }
        note(rooted < at && at <= taken, "the beacon came into being after the root was published")
        guard beacon.kind == "drand" else {
            let words = beacon.announced ?? ""
            return note(true, "the value of \"\(words)\" is for you to look up: \(beacon.proof ?? "")")
        }
        let proof = beacon.proof.flatMap(Hex.decode) ?? []
        note(Digest.sha256(proof) == value, "the beacon's value is SHA-256 of the round's signature")
        guard let genesis = beacon.genesis_at.flatMap(PostgresTimestamp.init(rfc3339:)),
            let period = beacon.period_seconds, let round = beacon.round
        else { return note(false, "the beacon's round, genesis and period are published") }
        let time = genesis.microseconds + (round - 1) * period * 1_000_000
        note(time == at.microseconds, "round \(round) is the one of that time")
    }

    private mutating func checkKey() {
        guard let key = published.key.flatMap(Hex.decode), let root = published.root.flatMap(Hex.decode),
            let entries = published.entries
        else { return note(false, "the key is published") }
        let secret = published.secret.flatMap(Hex.decode) ?? []
        let beacon = published.beacon.value.flatMap(Hex.decode)
        let isFine = DrawKey.derive(secret: secret, beacon: beacon, root: root) == key
        note(isFine, "the key follows from secret, beacon and root")
        order = DrawOrder(key: key, count: Int(entries), priorities: priorities)
    }

    /// Checks that an entry is among the published ones, and says which number it was drawn.
    package mutating func check(_ entry: DrawEntry, blinding: [UInt8]) {
        guard entry.onSale.publicID == published.on_sale else {
            return note(false, "the receipt is for \(entry.onSale.publicID), not for \(published.on_sale)")
        }
        guard let entries = published.entries, entry.arrival <= entries else {
            return note(true, "arrival \(entry.arrival) came after the seal and has number \(entry.arrival)")
        }
        let start = Int(entry.arrival - 1) * Digest.length
        let index = Int(entry.arrival) - 1
        let priority = priorities.flatMap { $0.indices.contains(index) ? $0[index] : nil }
        let leaf = entry.leaf(blinding: blinding, priority: priority)
        let isThere =
            start >= 0 && start + Digest.length <= leaves.count
            && Array(leaves[start..<start + Digest.length]) == leaf
        note(isThere, "the receipt's entry is the one published for arrival \(entry.arrival)")
        if let order {
            note(
                true,
                "arrival \(entry.arrival) was drawn as number \(order.number(ofArrival: entry.arrival))"
            )
        }
    }
}
