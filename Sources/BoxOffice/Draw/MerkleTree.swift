/// The hash tree over all entries of a draw.
///
/// Source: RFC 6962 §2.1, with leaves that are hashed already.
///
/// A node is SHA-256 of `0x01 ‖ left ‖ right`; a last node without a partner moves up unchanged; the root of no
/// entries is SHA-256 of nothing.
package struct MerkleTree: Sendable {
    /// Each level's hashes, end to end; the leaves first.
    private let levels: [[UInt8]]

    /// How many leaves the tree has.
    package let count: Int

    /// - Parameter leaves: The leaf hashes in order, 32 bytes each, end to end.
    package init(leaves: [UInt8]) {
        precondition(leaves.count.isMultiple(of: Digest.length), "a leaf has 32 bytes")
        count = leaves.count / Digest.length
        var levels = [leaves]
        var level = leaves
        while level.count > Digest.length {
            var above: [UInt8] = []
            above.reserveCapacity(level.count / 2 + Digest.length)
            for start in stride(from: 0, to: level.count, by: 2 * Digest.length) {
                let pair = level[start..<min(start + 2 * Digest.length, level.count)]
                above += pair.count == Digest.length ? Array(pair) : Digest.sha256([1] + pair)
            }
            levels.append(above)
            level = above
        }
        self.levels = levels
    }

    /// What the seal publishes.
    package var root: [UInt8] {
        guard count > 0, let top = levels.last else { return Digest.sha256([]) }
        return top
    }

    /// Some of the leaves, 32 bytes each; `indices` counts from 0.
    package func leaves(_ indices: Range<Int>) -> [ArraySlice<UInt8>] {
        indices.clamped(to: 0..<count).map { levels[0][$0 * Digest.length..<($0 + 1) * Digest.length] }
    }

    /// The hashes that lead from the leaf at `index` (from 0) to the root, lowest first.
    package func proof(ofLeaf index: Int) -> [[UInt8]] {
        precondition((0..<count).contains(index), "no such leaf")
        var proof: [[UInt8]] = []
        var index = index
        for level in levels.dropLast() {
            let sibling = (index ^ 1) * Digest.length
            if sibling < level.count { proof.append(Array(level[sibling..<sibling + Digest.length])) }
            index >>= 1
        }
        return proof
    }

    /// Whether `proof` leads from `leaf` at `index` of a tree with `count` leaves to `root`.
    package static func verify(
        leaf: [UInt8],
        at index: Int,
        of count: Int,
        proof: [[UInt8]],
        root: [UInt8]
    ) -> Bool {
        guard (0..<count).contains(index) else { return false }
        var (hash, index, last) = (leaf, index, count - 1)
        var rest = proof[...]
        while last > 0 {
            if index ^ 1 <= last {
                guard let sibling = rest.popFirst(), sibling.count == Digest.length else { return false }
                hash = Digest.sha256([1] + (index & 1 == 0 ? hash + sibling : sibling + hash))
            }
            index >>= 1
            last >>= 1
        }
        return rest.isEmpty && hash == root
    }
}
