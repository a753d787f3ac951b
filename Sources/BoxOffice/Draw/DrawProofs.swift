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
        /// Of the entry, where the on-sale has groups.
        package let priority: UInt8?
        /// From the leaf to the root, lowest first.
        package let siblings: [[UInt8]]
        package let root: [UInt8]
    }

    private let postgres: PostgresClient
    private struct Sealed {
        let tree: MerkleTree
        let priorities: [UInt8]?
    }

    private struct Reading {
        let entries: Int64
        let task: Task<Sealed, any Error>
    }

    private let readings = Lock<[OnSaleID: Reading]>([:])

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// The proof for one place; nil before the draw and for places that came after the seal.
    ///
    /// The first proof of an on-sale reads all its entries; the tree is kept.
    package func proof(of entry: DrawEntry, _ onSale: OnSaleStatus) async throws -> Proof? {
        guard let entries = onSale.entries, let root = onSale.root,
            (1...max(entries, 1)).contains(entry.arrival),
            entry.arrival <= entries
        else { return nil }
        let sealed = try await sealed(onSale.id, entries: entries, salt: onSale.entrySalt)
        let blinding = entry.blinding(under: onSale.entrySalt)
        let index = Int(entry.arrival) - 1
        let priority = sealed.priorities?[index]
        return Proof(
            arrival: entry.arrival,
            entries: entries,
            leaf: entry.leaf(blinding: blinding, priority: priority),
            blinding: blinding,
            priority: priority,
            siblings: sealed.tree.proof(ofLeaf: index),
            root: root
        )
    }

    /// A page of the entries' hashes, in order of arrival; nil before the root is published.
    ///
    /// - Parameters:
    ///   - onSale: Which on-sale, as it is now.
    ///   - arrival: The arrival before the first of the page.
    ///   - limit: The most that are returned.
    /// - Returns: 32 bytes for each, and one for its priority where the on-sale has groups.
    /// - Throws: `DrawProblem`, `PostgresError`.
    package func leaves(
        of onSale: OnSaleStatus,
        after arrival: Int64,
        limit: Int
    ) async throws -> (leaves: [ArraySlice<UInt8>], priorities: ArraySlice<UInt8>?)? {
        guard let entries = onSale.entries, onSale.root != nil else { return nil }
        let sealed = try await sealed(onSale.id, entries: entries, salt: onSale.entrySalt)
        let first = Int(min(max(arrival, 0), entries))
        let range = first..<min(first + limit, Int(entries))
        return (sealed.tree.leaves(range), sealed.priorities?[range])
    }

    /// Whoever comes while the entries are read waits for that reading: after a draw everybody comes at once.
    private func sealed(_ id: OnSaleID, entries: Int64, salt: [UInt8]) async throws -> Sealed {
        let reading = readings.withLock { readings in
            if let known = readings[id], known.entries == entries { return known.task }
            let postgres = postgres
            let task = Task {
                let leaves = try await Sealing.leaves(of: id, entries: entries, salt: salt, in: postgres)
                let priorities = try await DrawCeremony.priorities(of: id, in: postgres)
                // A large tree takes a good part of a second, which no loop can spare.
                let tree = try await Thread.run(name: "tree") { MerkleTree(leaves: leaves) }
                return Sealed(tree: tree, priorities: priorities)
            }
            readings[id] = Reading(entries: entries, task: task)
            return task
        }
        do { return try await reading.value } catch {
            // The next one tries again.
            readings.withLock { if $0[id]?.task == reading { $0[id] = nil } }
            throw error
        }
    }
}
