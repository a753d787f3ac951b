internal import Foundation
package import Postgres

/// What a statement may do to find its rows, however much there is beside them.
package struct StatementPlan: Sendable {
    /// The statement's name.
    package let name: String
    let indexes: [String]
    let rows: Int
    let whole: Set<String>
    let pages: Int
    let parts: Int

    /// - Parameters:
    ///   - name: The statement's name.
    ///   - indexes: What it must use, over all its executions together.
    ///   - rows: How many rows of any one table one execution may look at.
    ///   - whole: Tables that it reads from end to end on purpose.
    ///   - pages: How many pages of any tables one execution may look at, which also tells of an index that is read
    ///     whole; where the plans don't tell of pages it says nothing.
    ///   - parts: How many parts one execution may look into of any table that is cut into parts.
    package init(
        _ name: String,
        _ indexes: [String],
        rows: Int = 50,
        whole: Set<String> = [],
        pages: Int = .max,
        parts: Int = .max
    ) {
        self.name = name
        self.indexes = indexes
        self.rows = rows
        self.whole = whole
        self.pages = pages
        self.parts = parts
    }

    /// The same, but how many parts one execution may look into of any table unless more is said.
    package func within(parts: Int) -> Self {
        guard self.parts == .max else { return self }
        return Self(name, indexes, rows: rows, whole: whole, pages: pages, parts: parts)
    }

    /// What the plans of this statement did that it may not do.
    ///
    /// - Parameters:
    ///   - log: What was kept while the statement ran, among others.
    ///   - growing: The tables that matter; the others have a few rows.
    /// - Returns: One line for each offence, with the plan.
    /// - Throws: What reading a plan throws.
    package func complaints(_ log: [PlanLog.Entry], growing: Set<String>) throws -> [String] {
        let entries = log.filter { $0.name == name }
        let plans = try entries.map(ExplainedPlan.init)
        guard !plans.isEmpty else { return ["\(name) was not run"] }
        let used = plans.reduce(into: Set<String>()) { $0.formUnion($1.indexes) }
        var complaints = indexes.filter { !used.contains($0) }
            .map { "\(name) does not use \($0), but \(used.sorted())" }
        for (entry, plan) in zip(entries, plans) {
            let whole = plan.whole.intersection(growing).subtracting(whole).sorted()
            let many = plan.rows.filter { growing.contains($0.key) && $0.value > rows }.sorted {
                $0.key < $1.key
            }
            if !whole.isEmpty { complaints.append("\(name) reads all of \(whole): \(entry.plan.text)") }
            if plan.pages > pages {
                complaints.append("\(name) looks at \(plan.pages) pages: \(entry.plan.text)")
            }
            for (table, looked) in plan.parts where looked.count > parts && growing.contains(table) {
                complaints.append("\(name) looks into \(looked.count) parts of \(table): \(entry.plan.text)")
            }
            for (table, count) in many {
                complaints.append("\(name) looks at \(count) rows of \(table): \(entry.plan.text)")
            }
        }
        return complaints
    }
}

/// The names of the statements that a module's sources have.
package enum SourceStatements {
    /// Reads all files of a module; examples in comments don't count.
    ///
    /// - Parameter module: a directory of `Sources`.
    /// - Returns: each name once.
    /// - Throws: when a file can't be read.
    package static func names(in module: String) throws -> Set<String> {
        let root = URL(filePath: #filePath).appending(path: "../../../Sources").standardized
        let files = FileManager.default.enumerator(
            at: root.appending(path: module),
            includingPropertiesForKeys: nil
        )
        var names: Set<String> = []
        while let file = files?.nextObject() as? URL {
            guard file.pathExtension == "swift" else { continue }
            let code = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
                .filter { !$0.drop { $0 == " " }.hasPrefix("///") }.joined(separator: "\n")
            names.formUnion(code.matches(of: #/\bQuery\(\s*"([^"]+)"/#).map { String($0.output.1) })
        }
        return names
    }
}
