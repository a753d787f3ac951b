/// A piece of SQL whose values are parameters.
///
/// Interpolation can only make parameters, quoted identifiers, or nest other pieces, so no value is ever read as
/// SQL:
/// ```swift
/// let filter: SQL = "state = \(state) and queue = any(\(queues))"
/// let sql: SQL = "select id from \(identifier: leaf) where \(fragment: filter) limit \(batch)"
/// ```
public struct SQL: Sendable, ExpressibleByStringInterpolation {
    struct Parameter: Sendable {
        let type: PostgresType
        /// Where the value begins in ``SQL/bytes``.
        var start: Int
        /// How long the value is; −1 is NULL.
        let length: Int
    }

    /// Text around the parameters: always one more than there are parameters.
    private var pieces: [String]
    private(set) var parameters: [Parameter]
    /// All values in binary form, one after the other.
    private(set) var bytes: [UInt8]

    /// Makes SQL without parameters.
    public init(stringLiteral value: String) {
        pieces = [value]
        parameters = []
        bytes = []
    }

    /// Makes SQL from its interpolation.
    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.sql
    }

    /// Joins pieces, such as conditions with `" and "`.
    public static func joined(_ fragments: [SQL], separator: SQL) -> SQL {
        var result: SQL = ""
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { result.append(separator) }
            result.append(fragment)
        }
        return result
    }

    /// What comes after `left`, its parameters renumbered.
    public static func + (left: SQL, right: SQL) -> SQL {
        var result = left
        result.append(right)
        return result
    }

    /// The statement with `$1`, `$2`, … where the parameters go.
    public var text: String {
        var text = pieces[0]
        for index in parameters.indices {
            text += "$\(index + 1)"
            text += pieces[index + 1]
        }
        return text
    }

    private mutating func append(text: String) {
        pieces[pieces.count - 1] += text
    }

    private mutating func append<Value: PostgresEncodable>(_ value: Value) {
        let start = bytes.count
        let isNull = value.isPostgresNull
        if !isNull { value.encode(into: &bytes) }
        let length = isNull ? -1 : bytes.count - start
        parameters.append(Parameter(type: Value.postgresType, start: start, length: length))
        pieces.append("")
    }

    private mutating func append(_ fragment: SQL) {
        append(text: fragment.pieces[0])
        pieces.append(contentsOf: fragment.pieces.dropFirst())
        for var parameter in fragment.parameters {
            parameter.start += bytes.count
            parameters.append(parameter)
        }
        bytes.append(contentsOf: fragment.bytes)
    }

    /// Collects text and parameters.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var sql: SQL = ""

        /// Makes an empty collection.
        public init(literalCapacity: Int, interpolationCount: Int) {}

        /// Adds SQL as it was written in the source.
        public mutating func appendLiteral(_ literal: String) {
            sql.append(text: literal)
        }

        /// Adds a parameter.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            sql.append(value)
        }

        /// Adds a parameter that may be NULL.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            sql.append(value)
        }

        /// Adds the name of a table, column, schema or channel, quoted.
        public mutating func appendInterpolation(identifier: String) {
            sql.append(text: SQL.quoted(identifier: identifier))
        }

        /// Adds another piece with its parameters.
        public mutating func appendInterpolation(fragment: SQL) {
            sql.append(fragment)
        }
    }

    /// A name in double quotes, as SQL wants it.
    package static func quoted(identifier: String) -> String {
        var quoted = "\""
        for character in identifier.unicodeScalars where character != "\0" {
            if character == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(character)
        }
        return quoted + "\""
    }
}
