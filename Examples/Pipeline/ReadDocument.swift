import Jobs
import Postgres
import Workflows

/// Reads a document: takes it apart into pages, has all of them read side by side, and adds up what was found.
struct ReadDocument: Workflow {
    struct Summary: Codable, Sendable, Equatable {
        var pages: Int
        var words: Int
        /// The numbers of pages that nobody could read.
        var unreadable: [Int]
    }

    static let name = "read-document"

    func run(_ context: WorkflowContext, _ document: String) async throws -> Summary {
        let numbers = try await context.step("take apart") { tx in
            let rows = try await tx.query(
                Query(
                    "pages_insert",
                    """
                    INSERT INTO pages (document, number, text)
                    SELECT name, number, page
                    FROM documents, unnest(string_to_array(text, chr(12))) WITH ORDINALITY AS p (page, number)
                    WHERE name = \(document) RETURNING number
                    """
                )
            )
            return try rows.map { row -> Int64 in try row[0] }.sorted()
        }
        // Out: a run for each page, thousands if need be, started in one commit. In: this one is woken once, by the last.
        let results = try await context.children(
            ReadPage.self,
            numbers.map { ReadPage.Page(document: document, number: $0) }
        )
        let words = results.map { try? $0.get() }
        let summary = Summary(
            pages: numbers.count,
            words: words.compactMap(\.self).reduce(0, +),
            unreadable: zip(numbers, words).filter { $1 == nil }.map { Int($0.0) }
        )
        try await context.step("sum up") { tx in
            try await tx.execute(
                Query(
                    "document_sum_up",
                    "UPDATE documents SET words = \(Int64(summary.words)) WHERE name = \(document)"
                )
            )
        }
        return summary
    }
}

/// Reads one page; returns how many words it has.
struct ReadPage: Workflow {
    struct Page: Codable, Sendable {
        var document: String
        var number: Int64
    }

    static let name = "read-page"
    /// A reader outside: to give up on a page it throws `JobVerdict.discard`; what else it throws is tried again.
    let read: @Sendable (_ text: String, _ idempotencyKey: String) async throws -> Int

    func run(_ context: WorkflowContext, _ page: Page) async throws -> Int {
        let text: String = try await context.step("fetch") { tx in
            try await tx.query(
                Query(
                    "page_fetch",
                    "SELECT text FROM pages WHERE document = \(page.document) AND number = \(page.number)"
                )
            )[0][0]
        }
        let words = try await context.effect("read", retry: .exponential(max: 5, base: .milliseconds(100))) {
            key in
            try await read(text, key)
        }
        try await context.step("keep") { tx in
            try await tx.execute(
                Query(
                    "page_keep",
                    """
                    UPDATE pages SET words = \(Int64(words))
                    WHERE document = \(page.document) AND number = \(page.number)
                    """
                )
            )
        }
        return words
    }
}
