internal import Postgres

/// The hash-chained log of what people decided.
package enum AuditTrail {
    /// Who is named when nobody decided, and the plan's own course is recorded.
    static let usher = "usher"

    /// Appends a decision to the on-sale's chain.
    ///
    /// The caller holds the on-sale's row lock, so that no two entries follow the same one.
    static func append(
        _ action: String,
        on id: OnSaleID,
        by actor: String,
        detail: [String: PlanValue],
        in tx: inout Transaction
    ) async throws {
        try await append(action, on: id, by: actor, json: PlanValue.object(detail).json, in: &tx)
    }

    /// Appends what an operator did to the chain that belongs to no on-sale, with the number of the operator's key.
    ///
    /// Locks that chain until the commit, so it comes last.
    static func append(
        _ action: String,
        byOperator holder: APIKeys.Holder,
        detail: [String: PlanValue],
        in tx: inout Transaction
    ) async throws {
        try await tx.execute(
            Query("audit.operator", "UPDATE audit_chains SET entries = entries + 1 WHERE on_sale_id = 0")
        )
        var detail = detail
        detail["key"] = .integer(Int(holder.id))
        try await append(action, on: OnSaleID(rawValue: 0), by: holder.actor, detail: detail, in: &tx)
    }

    /// Appends a decision whose detail is JSON already.
    static func append(
        _ action: String,
        on id: OnSaleID,
        by actor: String,
        json: String,
        in tx: inout Transaction
    ) async throws {
        try await tx.execute(
            Query(
                "audit.append",
                """
                INSERT INTO audit_entries (on_sale_id, ordinal, recorded_at, actor, action, detail, hash)
                SELECT id, n, at, actor, action, detail, audit_hash(previous, id, n, at, actor, action, detail)
                FROM (
                    SELECT \(id.rawValue) AS id, coalesce(last.ordinal, 0) + 1 AS n, usher_now() AS at,
                        \(actor) AS actor, \(action) AS action, \(json) AS detail,
                        coalesce(last.hash, '') AS previous
                    FROM (SELECT 1) AS one LEFT JOIN LATERAL (
                        SELECT ordinal, hash FROM audit_entries WHERE on_sale_id = \(id.rawValue)
                        ORDER BY ordinal DESC LIMIT 1
                    ) AS last ON true
                ) AS entry
                """
            )
        )
    }
}

extension PlanValue {
    /// A text, or null.
    static func text(_ text: String?) -> PlanValue { text.map { .string($0) } ?? .null }

    /// The value as JSON.
    var json: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .number(let value): return value.isFinite ? "\(value)" : "null"
        case .string(let text): return "\"\(text.unicodeScalars.map(Self.escaped).joined())\""
        case .array(let values): return "[\(values.map(\.json).joined(separator: ","))]"
        case .object(let fields):
            let pairs = fields.sorted { $0.key < $1.key }
            return
                "{\(pairs.map { "\(PlanValue.string($0.key).json):\($0.value.json)" }.joined(separator: ","))}"
        }
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\0"..." ":
            if scalar == " " { return " " }
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: return String(scalar)
        }
    }
}
