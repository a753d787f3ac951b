internal import Postgres

/// Reads the fields of one JSON object, remembering where it is and noting what doesn't fit.
struct PlanFields {
    let path: String
    let issues: PlanIssues
    private let fields: [String: PlanValue]

    /// Nil, with a note, when `value` is no object.
    ///
    /// Fields that nobody would read are noted, too.
    init?(_ value: PlanValue, at path: String, accepting accepted: [String], issues: PlanIssues) {
        guard case .object(let fields) = value else {
            issues.add(
                path,
                "must be an object with \(accepted.joined(separator: ", ")); found \(value.summary)"
            )
            return nil
        }
        self.path = path
        self.issues = issues
        self.fields = fields
        for name in fields.keys.sorted() where !accepted.contains(name) {
            issues.add(at(name), "is not a field of this; accepted: \(accepted.joined(separator: ", "))")
        }
    }

    func at(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    func has(_ name: String) -> Bool { value(name) != nil }

    /// The value of a field; null counts as absent.
    func value(_ name: String) -> PlanValue? {
        switch fields[name] {
        case nil, .null: nil
        case let value: value
        }
    }

    /// A text of 1 to `limit` characters.
    func string(_ name: String, upTo limit: Int = 200) -> String? {
        required(name, "a text of 1 to \(limit) characters") { value in
            guard case .string(let text) = value, (1...limit).contains(text.count) else { return nil }
            return text
        }
    }

    /// A short name without spaces, as people put on doors: letters, digits, `-`, `_` and `.`.
    func identifier(_ name: String) -> String? {
        required(name, "1 to 32 letters, digits, '-', '_' or '.'") { value in
            guard case .string(let text) = value, PlanFields.isIdentifier(text) else { return nil }
            return text
        }
    }

    /// A whole number in `range`; `fallback`, when there is one, if the field is absent.
    func integer(_ name: String, in range: ClosedRange<Int>, fallback: Int? = nil) -> Int? {
        if let fallback, !has(name) { return fallback }
        return required(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") { value in
            guard case .integer(let number) = value, range.contains(number) else { return nil }
            return number
        }
    }

    /// True or false.
    func boolean(_ name: String) -> Bool? {
        required(name, "true or false") { value in
            if case .bool(let flag) = value { flag } else { nil }
        }
    }

    /// A list of short names; empty if the field is absent.
    func identifiers(_ name: String) -> [String]? {
        guard has(name) else { return [] }
        return required(name, "a list of identifiers") { value in
            guard case .array(let values) = value else { return nil }
            let names = values.compactMap { value in
                if case .string(let text) = value, Self.isIdentifier(text) { text } else { nil }
            }
            return names.count == values.count && Set(names).count == names.count ? names : nil
        }
    }

    /// An instant.
    func instant(_ name: String) -> PostgresTimestamp? {
        required(name, "an RFC 3339 instant such as 2026-06-12T10:00:00Z") { value in
            guard case .string(let text) = value else { return nil }
            return PostgresTimestamp(rfc3339: text)
        }
    }

    /// A non-empty list; each element comes with its path.
    func list(_ name: String) -> [(value: PlanValue, path: String)]? {
        required(name, "a list with at least one element") { value in
            guard case .array(let values) = value, !values.isEmpty else { return nil }
            return values.enumerated().map { ($0.element, "\(at(name))[\($0.offset)]") }
        }
    }

    /// The field read by `read`, or nil and a note that says what is accepted.
    func required<T>(_ name: String, _ accepted: String, _ read: (PlanValue) -> T?) -> T? {
        guard let value = value(name) else {
            issues.add(at(name), "is missing; it must be \(accepted)")
            return nil
        }
        guard let result = read(value) else {
            issues.add(at(name), "must be \(accepted); found \(value.summary)")
            return nil
        }
        return result
    }

    static func isIdentifier(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789-_.".unicodeScalars.contains($0))
            }
    }
}
