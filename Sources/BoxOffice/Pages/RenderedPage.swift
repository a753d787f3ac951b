package import Postgres

/// A page as it is served: bytes, and what is said of them.
package struct RenderedPage: Sendable, Equatable {
    package let contentType: String
    /// The Content-Security-Policy; empty for none.
    package let policy: String
    /// Strong: from the bytes.
    package let etag: String
    /// What caches find it by.
    package let keys: [String]
    /// Which version of the code made it.
    package let renderer: Int
    package let body: [UInt8]

    /// Raise it when equal subjects make other bytes than before: what was made by an older one is made anew when it is
    /// asked for.
    package static let renderer = 2

    /// Makes a page.
    init(_ name: PageName, of subject: PageSubject) throws {
        switch name {
        case .event(let language):
            let words = EventPageWords.all.first { $0.language == language } ?? EventPageWords.all[0]
            body = EventPage(subject: subject, words: words).bytes
            contentType = "text/html; charset=utf-8"
            policy = EventPage.policy
        case .seatMap:
            body = try SeatMapDocument.bytes(subject)
            contentType = "application/json"
            policy = ""
        case .picture:
            body = SeatMapPicture.bytes(subject)
            contentType = "image/svg+xml"
            policy = EventPage.policy(style: SeatMapPicture.style)
        }
        // A page's rules are part of it: other rules make another page.
        etag = "\"\(Hex.encode(Digest.sha256(body + Array(policy.utf8)).prefix(16)))\""
        keys = name.keys(of: subject.id)
        renderer = Self.renderer
    }

    private init(_ row: Row, at column: Int) throws {
        contentType = try row[column]
        policy = try row[column + 1]
        etag = try row[column + 2]
        keys = try row[column + 3]
        renderer = try row[column + 4]
        body = try row[column + 5]
    }
}

extension RenderedPage {
    /// One page of one on-sale.
    package struct Key: Sendable, Hashable {
        package let onSale: OnSaleID
        package let name: PageName

        package init(_ onSale: OnSaleID, _ name: PageName) {
            (self.onSale, self.name) = (onSale, name)
        }
    }

    /// What the table says to somebody who may have a page already.
    package enum Found: Sendable {
        /// It is the one they have.
        case same
        case other(RenderedPage)
    }

    /// Looks for pages by their primary key.
    ///
    /// - Parameters:
    ///   - known: each page with the ETag of what is had already; empty for nothing.
    ///   - postgres: the primary: a purge has no use if an older page comes after it.
    /// - Returns: those that there are.
    /// - Throws: `PostgresError`.
    package static func find(
        _ known: [Key: String],
        in postgres: PostgresClient
    ) async throws -> [Key: Found] {
        let keys = Array(known.keys)
        let rows = try await postgres.query(
            find(
                onSales: keys.map(\.onSale.rawValue),
                pages: keys.map(\.name.column),
                tags: keys.map { known[$0] ?? "" }
            )
        )
        var found: [Key: Found] = [:]
        for row in rows {
            let ordinal: Int64 = try row[0]
            let key = keys[Int(ordinal) - 1]
            let isSame: Bool = try row[1]
            found[key] = isSame ? .same : .other(try RenderedPage(row, at: 2))
        }
        return found
    }

    /// Uses the primary key, and reads no body that is known.
    static func find(onSales: [Int64], pages: [String], tags: [String]) -> Query {
        Query(
            "pages.find",
            """
            SELECT k.ordinal, p.etag = k.tag, p.content_type, p.policy, p.etag, p.keys, p.renderer,
                CASE WHEN p.etag = k.tag THEN ''::bytea ELSE p.body END
            FROM unnest(\(onSales), \(pages), \(tags)) WITH ORDINALITY AS k (on_sale_id, page, tag, ordinal)
            JOIN rendered_pages AS p ON p.on_sale_id = k.on_sale_id AND p.page = k.page
            """
        )
    }

    /// What there is of an on-sale, without the bytes.
    static func known(_ id: OnSaleID) -> Query {
        Query(
            "pages.known",
            "SELECT page, etag, renderer FROM rendered_pages WHERE on_sale_id = \(id.rawValue)"
        )
    }

    func write(_ name: PageName, of id: OnSaleID, version: Int64, at instant: PostgresTimestamp) -> Query {
        Query(
            "pages.write",
            """
            INSERT INTO rendered_pages AS p (on_sale_id, page, content_type, policy, etag, keys, renderer, version,
                rendered_at, body)
            VALUES (\(id.rawValue), \(name.column), \(contentType), \(policy), \(etag), \(keys), \(renderer), \(version),
                \(instant), \(body))
            ON CONFLICT (on_sale_id, page) DO UPDATE SET content_type = excluded.content_type, policy = excluded.policy,
                etag = excluded.etag, keys = excluded.keys, renderer = excluded.renderer, version = excluded.version,
                rendered_at = excluded.rendered_at, body = excluded.body
            """
        )
    }
}
