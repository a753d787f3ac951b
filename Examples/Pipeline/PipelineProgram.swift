import Jobs
import Postgres
import Standalone
import Workflows

/// Reads a document of 200 pages, one of which nobody can read: `PipelineExample 5000` reads one of 5,000.
///
/// The schema `pipeline` of the database in `USHER_DATABASE_URL` is made if it is not there.
@main enum PipelineProgram {
    static func main() async throws {
        let pages = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 200
        let engine = try await StandaloneEngine(schema: "pipeline")
        for table in [
            Query(
                "documents_create",
                "CREATE TABLE IF NOT EXISTS documents (name text PRIMARY KEY, text text, words bigint)"
            ),
            Query(
                "pages_create",
                """
                CREATE TABLE IF NOT EXISTS pages (
                    document text, number bigint, text text, words bigint, PRIMARY KEY (document, number)
                )
                """
            ),
        ] {
            try await engine.postgres.execute(table)
        }
        var registry = WorkflowRegistry()
        registry.register(ReadDocument())
        registry.register(
            ReadPage { text, _ in
                guard text != "?" else { throw JobVerdict.discard("it is blotted all over") }
                return text.split(separator: " ").count
            }
        )
        try await engine.run(registry) {
            // Forms are fed by page, as always.
            let text = (1...pages).map { $0 == 13 ? "?" : "this is page \($0)" }.joined(separator: "\u{0C}")
            let name =
                try await engine.postgres.query(
                    Query(
                        "document_insert",
                        """
                        INSERT INTO documents (name, text)
                        SELECT 'document ' || count(*) + 1, \(text) FROM documents RETURNING name
                        """
                    )
                )[0][0] as String
            let run = try await engine.client.start(ReadDocument.self, name)
            print("\(name) has \(pages) pages: run \(run)")
            _ = try await engine.client.watch(run, within: .seconds(600))
            guard let summary = try await engine.client.result(of: run, ReadDocument.self) else { return }
            print("found \(summary.words) words")
            print("nobody could read: \(summary.unreadable.map { "page \($0)" }.joined(separator: ", "))")
        }
    }
}
