internal import Foundation

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// Reads what an on-sale has published of its draw, from any server that has it.
package struct DrawDownload: Sendable {
    /// Why it can't be read, in a line.
    package struct Problem: Error, Sendable, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
    }

    private struct Page: Decodable {
        let leaves: [String]
        let priorities: String?
        let next: Int64?
    }

    private let base: String
    private let http = OutboundHTTP(timeout: .seconds(30))

    /// - Parameter onSale: The on-sale's address, such as `https://tickets.example/v1/on-sales/os_7`.
    package init(onSale: String) { base = onSale.hasSuffix("/") ? String(onSale.dropLast()) : onSale }

    /// The fairness document.
    ///
    /// - Throws: ``Problem``.
    package func published() async throws -> PublishedDraw {
        try PublishedDraw(json: try await get("/fairness"))
    }

    /// The entries' hashes in order of arrival, end to end, and their priorities where there are groups.
    ///
    /// Empty before the seal.
    ///
    /// - Throws: ``Problem``.
    package func entries(of draw: PublishedDraw) async throws -> (leaves: [UInt8], priorities: [UInt8]?) {
        guard draw.root != nil else { return ([], nil) }
        var leaves: [UInt8] = []
        var priorities: [UInt8]?
        var after: Int64? = 0
        while let from = after {
            let body = try await get("/leaves?after=\(from)")
            guard let page = try? JSONDecoder().decode(Page.self, from: Data(body)) else {
                throw Problem("\(base)/leaves answered something that is no list of entries")
            }
            for text in page.leaves {
                guard let leaf = Hex.decode(text), leaf.count == Digest.length else {
                    throw Problem("\(base)/leaves has an entry that is no hash: \(text.prefix(80))")
                }
                leaves += leaf
            }
            if let text = page.priorities {
                guard let bytes = Hex.decode(text), bytes.count == page.leaves.count else {
                    throw Problem("\(base)/leaves has priorities that don't fit its entries")
                }
                priorities = (priorities ?? []) + bytes
            }
            if let next = page.next, next <= from { throw Problem("\(base)/leaves goes round in circles") }
            after = page.next
        }
        return (leaves, priorities)
    }

    private func get(_ path: String) async throws -> [UInt8] {
        guard let url = URL(string: base + path), ["http", "https"].contains(url.scheme), url.host() != nil
        else {
            throw Problem("\(base) is no http or https address of an on-sale")
        }
        let answer: (status: Int, body: Data)
        do { answer = try await http.send(URLRequest(url: url)) } catch {
            throw Problem("\(url) can't be reached")
        }
        guard answer.status == 200 else { throw Problem("\(url) answered \(answer.status)") }
        return Array(answer.body)
    }
}
