package import Postgres
internal import Reactor

/// Shows buyers that their places were in the draw.
package final class DrawProofs: Sendable {
    /// What an outsider needs, besides the receipt and what the on-sale published, to check one entry.
    package struct Proof: Sendable, Equatable {
        package let arrival: Int64
        package let entries: Int64
        package let leaf: [UInt8]
        package let blinding: [UInt8]
        /// From the leaf to the root, lowest first.
        package let siblings: [[UInt8]]
        package let root: [UInt8]
    }

    private let postgres: PostgresClient
    private let trees = Lock<[OnSaleID: MerkleTree]>([:])

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// The proof for one place; nil before the draw and for places that came after the seal.
    ///
    /// The first proof of an on-sale reads all its entries; the tree is kept.
    package func proof(of entry: DrawEntry, _ onSale: OnSaleStatus) async throws -> Proof? {
        guard let entries = onSale.entries, let root = onSale.root,
            (1...max(entries, 1)).contains(entry.arrival),
            entry.arrival <= entries
        else { return nil }
        let tree = try await tree(onSale.id, entries: entries, salt: onSale.entrySalt)
        let blinding = entry.blinding(under: onSale.entrySalt)
        return Proof(
            arrival: entry.arrival,
            entries: entries,
            leaf: entry.leaf(blinding: blinding),
            blinding: blinding,
            siblings: tree.proof(ofLeaf: Int(entry.arrival) - 1),
            root: root
        )
    }

    private func tree(_ id: OnSaleID, entries: Int64, salt: [UInt8]) async throws -> MerkleTree {
        if let known = trees.withLock({ $0[id] }), known.count == Int(entries) { return known }
        let tree = MerkleTree(
            leaves: try await Sealing.leaves(of: id, entries: entries, salt: salt, in: postgres)
        )
        trees.withLock { $0[id] = tree }
        return tree
    }
}
