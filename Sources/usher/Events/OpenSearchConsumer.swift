internal import BoxOffice
internal import EventLog
internal import Postgres

/// Copies to an index what the consumer `search` makes of the log.
///
/// Of each on-sale that facts are of, its entry is written once `search` has come to them, with the number of the fact that
/// changed it last as its version: told twice or late, it comes to the same.
struct OpenSearchConsumer: FactConsumer {
    let name: String
    let kinds = SearchIndex().kinds
    let index: String
    private let cluster: OpenSearchCluster
    private let postgres: PostgresClient
    private static let pause = Duration.milliseconds(50)
    private static let looks = 100

    init(index: String, cluster: OpenSearchCluster, postgres: PostgresClient) {
        name = Self.name(of: index)
        self.index = index
        self.cluster = cluster
        self.postgres = postgres
    }

    /// An index has positions of its own, so that a new one can be filled while the old one is kept up.
    static func name(of index: String) -> String { "opensearch:\(index)" }

    func deliver(_ facts: [Fact]) async throws {
        try await waitForSearch(facts)
        let firsts = Dictionary(facts.map { ($0.onSale, $0.seq) }, uniquingKeysWith: min)
        let entries = try await Search(postgres).entries(firsts.keys.sorted())
        // What none of these facts changed is there as it is.
        let changed = entries.filter { $0.seq >= firsts[$0.id.rawValue] ?? 0 }
        try await cluster.write(changed, to: index)
    }

    private func waitForSearch(_ facts: [Fact]) async throws {
        let cursors = FactCursors(postgres: postgres)
        for _ in 0..<Self.looks {
            if try await cursors.hasCome(SearchIndex().name, to: facts) { return }
            try await Task.sleep(for: Self.pause)
        }
        throw OpenSearchProblem(
            description:
                "the consumer search has not come to fact \(facts.last?.seq ?? 0): see `usher events consumers`"
        )
    }
}
