package import Postgres

/// A fact that is about to be written.
package struct FactDraft: Sendable {
    package let onSale: Int64
    package let kind: String
    package let version: Int
    package let data: JSONB

    package init(onSale: Int64, kind: String, version: Int = 1, data: JSONB) {
        self.onSale = onSale
        self.kind = kind
        self.version = version
        self.data = data
    }

    /// Writes facts in this order; no statement for no fact.
    ///
    /// Goes behind the statements that make them true, in their transaction: numbers are taken under their locks.
    package static func append(_ drafts: [FactDraft]) -> [Query] {
        guard !drafts.isEmpty else { return [] }
        return [
            Query(
                "facts.append",
                """
                INSERT INTO facts (on_sale_id, recorded_at, version, kind, data)
                SELECT f.on_sale_id, n.now, f.version, f.kind, f.data
                FROM (SELECT usher_now()) AS n (now), unnest(
                        \(drafts.map(\.onSale)), \(drafts.map(\.version)), \(drafts.map(\.kind)), \(drafts.map(\.data))
                    ) WITH ORDINALITY AS f (on_sale_id, version, kind, data, ordinal)
                ORDER BY f.ordinal
                """
            )
        ]
    }
}
