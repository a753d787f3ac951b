internal import Foundation
package import Postgres

/// What the server read for one statement, as far as tests ask.
package struct ExplainedPlan: Sendable {
    /// The indexes that were used; a partition's bears no number.
    package private(set) var indexes: Set<String> = []
    /// The tables that were read from end to end and were not empty.
    package private(set) var whole: Set<String> = []
    /// How many rows were looked at in each table, also those that a condition then left out.
    package private(set) var rows: [String: Int] = [:]
    /// The parts that were looked into of each table that is cut into parts.
    package private(set) var parts: [String: Set<String>] = [:]
    /// How many pages were looked at, each as often as it was; 0 where the plan doesn't tell.
    package private(set) var pages = 0

    /// Reads a plan that a log kept.
    package init(_ entry: PlanLog.Entry) throws {
        let (decoder, data) = (JSONDecoder(), Data(entry.plan.bytes))
        let isList = entry.plan.bytes.first == UInt8(ascii: "[")
        let statements =
            isList
            ? try decoder.decode([Statement].self, from: data)
            : [try decoder.decode(Statement.self, from: data)]
        for statement in statements {
            take(statement.plan)
            pages += (statement.plan.found ?? 0) + (statement.plan.read ?? 0)
        }
    }

    private mutating func take(_ node: Node) {
        if let index = node.index { indexes.insert(Self.unnumbered(index)) }
        if let table = node.table.map(Self.unnumbered), node.type.hasSuffix("Scan") {
            let looked = (node.rows + (node.filtered ?? 0) + (node.rechecked ?? 0)) * node.loops
            rows[table, default: 0] += Int(looked.rounded())
            if let part = node.table, part != table, node.loops > 0 { parts[table, default: []].insert(part) }
            if node.type == "Seq Scan", looked > 0 { whole.insert(table) }
        }
        for child in node.children ?? [] { take(child) }
    }

    /// The name of a partition, or of its index, without the partition's number or month.
    private static func unnumbered(_ name: String) -> String {
        name.replacing(#/(_\d+)+(?=_|$)/#, with: "", maxReplacements: 1)
    }

    private struct Statement: Decodable {
        let plan: Node

        enum CodingKeys: String, CodingKey { case plan = "Plan" }
    }

    private struct Node: Decodable {
        let type: String
        let table: String?
        let index: String?
        let rows: Double
        let loops: Double
        let filtered: Double?
        let rechecked: Double?
        let found: Int?
        let read: Int?
        let children: [Node]?

        enum CodingKeys: String, CodingKey {
            case type = "Node Type"
            case table = "Relation Name"
            case index = "Index Name"
            case rows = "Actual Rows"
            case loops = "Actual Loops"
            case filtered = "Rows Removed by Filter"
            case rechecked = "Rows Removed by Index Recheck"
            case found = "Shared Hit Blocks"
            case read = "Shared Read Blocks"
            case children = "Plans"
        }
    }
}
