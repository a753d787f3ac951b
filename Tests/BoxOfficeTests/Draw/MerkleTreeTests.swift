@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct MerkleTreeTests {
    private func leaves(_ count: Int) -> [[UInt8]] { (0..<count).map { Digest.sha256("leaf \($0)") } }

    /// RFC 6962 §2.1 word for word: split at the largest power of two below the count.
    private func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        guard leaves.count > 1, let first = leaves.indices.first else {
            return leaves.first ?? Digest.sha256([])
        }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        return Digest.sha256([1] + root(leaves[first..<first + split]) + root(leaves[(first + split)...]))
    }

    @Test(arguments: 0...33)
    func `the root is RFC 6962's`(count: Int) {
        let leaves = leaves(count)
        #expect(MerkleTree(leaves: leaves.flatMap(\.self)).root == root(leaves[...]))
    }

    @Test(arguments: [1, 2, 3, 5, 8, 13, 31, 32, 33])
    func `every leaf has a proof, and only its own`(count: Int) {
        let leaves = leaves(count)
        let tree = MerkleTree(leaves: leaves.flatMap(\.self))
        for (index, leaf) in leaves.enumerated() {
            let proof = tree.proof(ofLeaf: index)
            func holds(_ leaf: [UInt8], at index: Int, proof: [[UInt8]]) -> Bool {
                MerkleTree.verify(leaf: leaf, at: index, of: count, proof: proof, root: tree.root)
            }
            #expect(holds(leaf, at: index, proof: proof))
            #expect(!holds(Digest.sha256("other"), at: index, proof: proof))
            #expect(!holds(leaf, at: index, proof: proof + [leaf]))
            #expect(!holds(leaf, at: count, proof: proof))
            if count > 1 {
                #expect(!holds(leaf, at: (index + 1) % count, proof: proof))
                #expect(!holds(leaf, at: index, proof: Array(proof.dropLast())))
            }
        }
    }

    @Test func `an entry's leaf covers all of it`() {
        let entry = DrawEntry(onSale: OnSaleID(rawValue: 1), arrival: 1, place: PlaceID(high: 1, low: 2))
        let salt = [UInt8](repeating: 9, count: 32)
        let blinding = entry.blinding(under: salt)
        let leaf = entry.leaf(blinding: blinding)
        #expect(blinding.count == 16)
        #expect(
            leaf != DrawEntry(onSale: entry.onSale, arrival: 2, place: entry.place).leaf(blinding: blinding)
        )
        #expect(
            leaf
                != DrawEntry(onSale: OnSaleID(rawValue: 2), arrival: 1, place: entry.place).leaf(
                    blinding: blinding
                )
        )
        #expect(leaf != entry.leaf(blinding: entry.blinding(under: [UInt8](repeating: 8, count: 32))))
    }
}
