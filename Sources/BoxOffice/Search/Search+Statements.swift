internal import Postgres

extension Search {
    /// Those that fit, ranked, and what they can be told apart by.
    ///
    /// Uses `search_entries_words` with words, else `search_entries_city`, `_genre` or `_at`; looks no further than one
    /// beyond ``most`` that fit.
    static func find(
        _ question: SearchQuestion,
        _ text: SearchText?,
        after cursor: Cursor?,
        limit: Int
    ) -> Query {
        var (condition, rank): (SQL, SQL) = (question.conditions, "0::real")
        if let text {
            condition = condition + " AND e.words @@ \(text.match)::tsquery"
            // One for each that is better, and by how near its words are to each other and to the title.
            let better: [SQL] = text.better.map { "(e.words @@ \($0)::tsquery)::integer" }
            rank = .joined(["ts_rank_cd(e.words, \(text.match)::tsquery, 1)"] + better, separator: " + ")
        }
        var behind: SQL = "true"
        if case .ranked(let rank, let at, let id, _) = cursor {
            behind =
                "(f.rank < \(rank) OR f.rank = \(rank) AND (f.at, f.on_sale_id) > (\(at), \(id.rawValue)))"
        }
        // Only the first page tells them.
        let facets: SQL = cursor == nil ? Self.facets : "SELECT NULL::text[], NULL::text[], NULL::bigint[]"
        return Query(
            "search.find",
            """
            WITH found AS MATERIALIZED (
                SELECT e.on_sale_id, e.at, e.city, e.city_words, e.genre, e.genre_words, e.price_from, e.availability,
                    (\(fragment: rank))::real AS rank
                FROM search_entries e WHERE \(fragment: condition) LIMIT \(most + 1)
            ), facets (kinds, texts, counts) AS (\(fragment: facets)), page AS (
                SELECT f.on_sale_id, f.rank, row_number() OVER (ORDER BY f.rank DESC, f.at, f.on_sale_id) AS place
                FROM found f WHERE \(fragment: behind) ORDER BY f.rank DESC, f.at, f.on_sale_id LIMIT \(limit)
            )
            SELECT \(fragment: SearchEntry.columns), p.rank, (SELECT count(*) FROM found), c.kinds, c.texts, c.counts
            FROM page p JOIN search_entries e ON e.on_sale_id = p.on_sale_id LEFT JOIN facets c ON p.place = 1
            ORDER BY p.place
            """
        )
    }

    /// Of all that were found, so many for each value.
    private static var facets: SQL {
        let bands = priceBands
        return """
            SELECT array_agg(g.kind), array_agg(g.text), array_agg(g.count) FROM (
                (SELECT 'city' AS kind, min(city) AS text, count(*) AS count FROM found
                    GROUP BY city_words ORDER BY 3 DESC, 2 LIMIT 20)
                UNION ALL (SELECT 'genre', min(genre), count(*) FROM found WHERE genre IS NOT NULL
                    GROUP BY genre_words ORDER BY 3 DESC, 2 LIMIT 20)
                UNION ALL (SELECT 'month', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) FROM found
                    GROUP BY month ORDER BY month LIMIT 24)
                UNION ALL (SELECT 'price', width_bucket(price_from - 1, \(bands))::text AS band, count(*)
                    FROM found GROUP BY band ORDER BY band)
                UNION ALL (SELECT 'availability', availability, count(*) FROM found
                    GROUP BY availability ORDER BY 3 DESC, 2)
            ) AS g
            """
    }

    /// Those that fit, by date: for when they are so many that some are soon met on the way.
    ///
    /// Uses `search_entries_at`, `_city` or `_genre`.
    static func walk(
        _ question: SearchQuestion,
        _ text: SearchText?,
        after cursor: Cursor?,
        limit: Int
    ) -> Query {
        var condition = question.conditions
        if let text { condition = condition + " AND e.words @@ \(text.match)::tsquery" }
        if case .dated(let at, let id, _) = cursor {
            condition = condition + " AND (e.at, e.on_sale_id) > (\(at), \(id.rawValue))"
        }
        return Query(
            "search.walk",
            """
            SELECT \(fragment: SearchEntry.columns) FROM search_entries e
            WHERE \(fragment: condition) ORDER BY e.at, e.on_sale_id LIMIT \(limit)
            """
        )
    }

    /// Words that there are and that are like these.
    ///
    /// Uses `search_words_near`.
    static func like(_ words: [String]) -> Query {
        Query(
            "search.like",
            """
            SELECT q.word, l.word FROM unnest(\(words)) AS q (word), search_words_like(q.word, \(likes)) AS l (word)
            """
        )
    }

    /// All entries, a page at a time, for those who copy them.
    ///
    /// Uses the primary key.
    static func copy(after id: OnSaleID?, limit: Int) -> Query {
        Query(
            "search.copy",
            """
            SELECT \(fragment: SearchEntry.columns) FROM search_entries e
            WHERE e.on_sale_id > \(id?.rawValue ?? 0) ORDER BY e.on_sale_id LIMIT \(limit)
            """
        )
    }

    /// The entries of some on-sales.
    ///
    /// Uses the primary key.
    static func entries(_ ids: [Int64]) -> Query {
        Query(
            "search.entries",
            "SELECT \(fragment: SearchEntry.columns) FROM search_entries e WHERE e.on_sale_id = ANY (\(ids))"
        )
    }
}
