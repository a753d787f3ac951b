package import EventLog
package import Postgres

/// Keeps what can be searched of the on-sales, from the event log alone.
///
/// A batch is read, followed and written with one statement for each table. Holds change a row of a few numbers; an
/// on-sale's entry is written when anything of it changes that can be seen, such as that less than a tenth is left. Told
/// everything anew, it comes to the same.
package struct SearchIndex: FactConsumer {
    package let name = "search"
    package let tables = ["search_entries", "search_counts", "search_words"]
    package let kinds: Set<String>? = SearchRecord.kinds

    package init() {}

    package func apply(_ facts: [Fact], in transaction: inout Transaction) async throws {
        let known = try await transaction.query(Self.known(Set(facts.map(\.onSale)).sorted()))
        var records: [Int64: SearchRecord] = [:]
        for row in known {
            let record = try SearchRecord(row)
            records[record.entry.id.rawValue] = record
        }
        let before = records
        for fact in facts {
            if records[fact.onSale] == nil {
                // What was filed before there was a log is not found.
                records[fact.onSale] = try SearchRecord(filedBy: fact)
            } else {
                try records[fact.onSale]?.take(fact)
            }
        }
        // Always in one order, and the words last: other parts write some of the same.
        let changed = records.values.filter { before[$0.entry.id.rawValue] != $0 }.sorted {
            $0.entry.id < $1.entry.id
        }
        guard !changed.isEmpty else { return }
        let entries = changed.map(\.entry).filter { before[$0.id.rawValue]?.entry != $0 }
        let words = changed.reduce(into: Set<String>()) { $0.formUnion($1.newWords) }
        var statements = [Self.count(changed)]
        if !entries.isEmpty { statements.append(Self.write(entries)) }
        if !words.isEmpty {
            statements.append(Self.note(words.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }))
        }
        try await transaction.pipeline(statements)
    }

    /// Forgets what the log can tell again.
    ///
    /// On-sales that were filed before the log's beginning stay as they are, and pass over what they know.
    package func reset(in transaction: inout Transaction) async throws {
        try await transaction.pipeline([
            Query(
                "search.forget",
                """
                WITH told AS (
                    DELETE FROM search_counts
                    WHERE filed >= (SELECT min(ordinal) * fact_range_size() FROM fact_ranges) RETURNING on_sale_id
                )
                DELETE FROM search_entries WHERE on_sale_id IN (SELECT on_sale_id FROM told)
                """
            ),
            Query("search.forget_words", "DELETE FROM search_words"),
            Query(
                "search.keep_words",
                """
                INSERT INTO search_words (word)
                SELECT DISTINCT w.word FROM search_entries e CROSS JOIN LATERAL unnest(tsvector_to_array(e.words)) AS w (word)
                """
            ),
        ])
    }

    /// Uses the primary keys.
    static func known(_ ids: [Int64]) -> Query {
        Query(
            "search.known",
            """
            SELECT \(fragment: SearchRecord.columns) FROM search_counts c JOIN search_entries e USING (on_sale_id)
            WHERE c.on_sale_id = ANY (\(ids))
            """
        )
    }

    static func count(_ records: [SearchRecord]) -> Query {
        Query(
            "search.count",
            """
            INSERT INTO search_counts AS c (on_sale_id, capacity, taken, state, paused, filed, seq)
            SELECT * FROM unnest(
                \(records.map(\.entry.id.rawValue)), \(records.map(\.capacity)), \(records.map(\.taken)),
                \(records.map(\.state)), \(records.map(\.isPaused)), \(records.map(\.filed)), \(records.map(\.seq)))
            ON CONFLICT (on_sale_id) DO UPDATE
            SET taken = excluded.taken, state = excluded.state, paused = excluded.paused, seq = excluded.seq
            """
        )
    }

    static func write(_ entries: [SearchEntry]) -> Query {
        Query(
            "search.write",
            """
            INSERT INTO search_entries AS e (on_sale_id, title, venue, city, genre, currency, event_at, opens_at, starts_at,
                closes_at, price_from, price_to, state, is_over, availability, seq, city_words, genre_words, words)
            SELECT n.on_sale_id, n.title, n.venue, n.city, n.genre, n.currency, n.event_at, n.opens_at, n.starts_at,
                n.closes_at, n.price_from, n.price_to, n.state, n.is_over, n.availability, n.seq, n.city_words,
                n.genre_words, n.words::tsvector
            FROM unnest(
                \(entries.map(\.id.rawValue)), \(entries.map(\.title)), \(entries.map(\.venue)), \(entries.map(\.city)),
                \(entries.map(\.genre)), \(entries.map(\.currency)), \(entries.map(\.eventAt)),
                \(entries.map(\.opensAt)), \(entries.map(\.startsAt)), \(entries.map(\.closesAt)),
                \(entries.map(\.priceFrom)), \(entries.map(\.priceTo)), \(entries.map(\.state)),
                \(entries.map(\.isOver)), \(entries.map(\.availability)), \(entries.map(\.seq)),
                \(entries.map { SearchWords.key($0.city) }), \(entries.map { SearchWords.key($0.genre ?? "") }),
                \(entries.map(\.vector))
            ) AS n (on_sale_id, title, venue, city, genre, currency, event_at, opens_at, starts_at, closes_at, price_from,
                price_to, state, is_over, availability, seq, city_words, genre_words, words)
            ON CONFLICT (on_sale_id) DO UPDATE
            SET title = excluded.title, venue = excluded.venue, city = excluded.city, genre = excluded.genre,
                event_at = excluded.event_at, opens_at = excluded.opens_at, starts_at = excluded.starts_at,
                closes_at = excluded.closes_at, state = excluded.state, is_over = excluded.is_over,
                availability = excluded.availability, seq = excluded.seq, city_words = excluded.city_words,
                genre_words = excluded.genre_words, words = excluded.words
            """
        )
    }

    /// Uses the primary key.
    static func note(_ words: [String]) -> Query {
        Query(
            "search.note_words",
            "INSERT INTO search_words (word) SELECT unnest(\(words)) ON CONFLICT (word) DO NOTHING"
        )
    }
}
