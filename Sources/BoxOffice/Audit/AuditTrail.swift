internal import Postgres

/// The hash-chained log of what people decided.
package enum AuditTrail {
    /// Who is named when nobody decided, and the plan's own course is recorded.
    static let usher = "usher"

    /// Appends a decision to the on-sale's chain.
    ///
    /// The chain's end is locked until the commit, so that no two entries follow the same one.
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
    /// All operators share that chain, so it comes last.
    static func append(
        _ action: String,
        byOperator holder: APIKeys.Holder,
        detail: [String: PlanValue],
        in tx: inout Transaction
    ) async throws {
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
                WITH tail AS (
                    INSERT INTO audit_chains AS c (on_sale_id, entries, hash)
                    SELECT e.id, 1, audit_hash('', e.id, 1, e.at, e.actor, e.action, e.detail)
                    FROM (SELECT \(id.rawValue) AS id, usher_now() AS at, \(actor) AS actor, \(action) AS action,
                        \(json) AS detail) AS e
                    ON CONFLICT (on_sale_id) DO UPDATE SET entries = c.entries + 1,
                        hash = audit_hash(c.hash, c.on_sale_id, c.entries + 1, usher_now(), \(actor), \(action), \(json))
                    RETURNING on_sale_id, entries, hash
                )
                INSERT INTO audit_entries (on_sale_id, ordinal, recorded_at, actor, action, detail, hash)
                SELECT on_sale_id, entries, usher_now(), \(actor), \(action), \(json), hash FROM tail
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
