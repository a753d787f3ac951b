internal import HTTP

/// What bodies look like, as JSON Schema.
indirect enum Schema: Sendable {
    case string
    /// Text of 1 to so many bytes; JSON Schema counts characters, of which there may be as many.
    case text(Int)
    /// Text that a regular expression describes.
    case pattern(String)
    case instant
    case integer
    case within(ClosedRange<Int>)
    case number
    case boolean
    case oneOf([String])
    case nullable(Schema)
    /// One of these, or several at once.
    case either([Schema])
    case list(Schema)
    /// A list of so many elements.
    case some(Schema, ClosedRange<Int>)
    case reference(String)
    /// Members, of which those without a question mark at the end of their name are required.
    case object([(name: String, schema: Schema)])
    /// An object whose members are told elsewhere.
    case free(String)

    /// The schema in its own words.
    var json: JSONValue {
        switch self {
        case .string: .object([.init("type", .string("string"))])
        case .instant: .object([.init("type", .string("string")), .init("format", .string("date-time"))])
        case .text(let limit):
            .object([
                .init("type", .string("string")), .init("minLength", .int(1)),
                .init("maxLength", .int(Int64(limit))),
            ])
        case .pattern(let expression):
            .object([.init("type", .string("string")), .init("pattern", .string(expression))])
        case .integer: .object([.init("type", .string("integer"))])
        case .within(let range):
            .object([
                .init("type", .string("integer")), .init("minimum", .int(Int64(range.lowerBound))),
                .init("maximum", .int(Int64(range.upperBound))),
            ])
        case .number: .object([.init("type", .string("number"))])
        case .boolean: .object([.init("type", .string("boolean"))])
        case .oneOf(let words):
            .object([.init("type", .string("string")), .init("enum", .array(words.map { .string($0) }))])
        case .nullable(let schema):
            .object([.init("oneOf", .array([schema.json, .object([.init("type", .string("null"))])]))])
        case .either(let schemas): .object([.init("anyOf", .array(schemas.map(\.json)))])
        case .list(let element): .object([.init("type", .string("array")), .init("items", element.json)])
        case .some(let element, let count):
            .object([
                .init("type", .string("array")), .init("items", element.json),
                .init("minItems", .int(Int64(count.lowerBound))),
                .init("maxItems", .int(Int64(count.upperBound))), .init("uniqueItems", .bool(true)),
            ])
        case .reference(let name): .object([.init("$ref", .string("#/components/schemas/\(name)"))])
        case .free(let description):
            .object([.init("type", .string("object")), .init("description", .string(description))])
        case .object(let members): Self.json(of: members)
        }
    }

    /// Whether an object without members is one of these; no body at all is taken for that.
    var mayBeEmpty: Bool {
        guard case .object(let members) = self else { return false }
        return members.allSatisfy { $0.name.hasSuffix("?") }
    }

    private static func json(of members: [(name: String, schema: Schema)]) -> JSONValue {
        func plain(_ name: String) -> String { name.hasSuffix("?") ? String(name.dropLast()) : name }
        let required = members.map(\.name).filter { !$0.hasSuffix("?") }
        return .object([
            .init("type", .string("object")),
            .init("properties", .object(members.map { .init(plain($0.name), $0.schema.json) })),
            .init("required", .array(required.map { .string($0) })),
        ])
    }
}
