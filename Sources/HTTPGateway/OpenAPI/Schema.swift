internal import HTTP

/// What bodies look like, as JSON Schema.
indirect enum Schema: Sendable {
    case string
    case instant
    case integer
    case number
    case boolean
    case oneOf([String])
    case nullable(Schema)
    case list(Schema)
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
        case .integer: .object([.init("type", .string("integer"))])
        case .number: .object([.init("type", .string("number"))])
        case .boolean: .object([.init("type", .string("boolean"))])
        case .oneOf(let words):
            .object([.init("type", .string("string")), .init("enum", .array(words.map { .string($0) }))])
        case .nullable(let schema):
            .object([.init("oneOf", .array([schema.json, .object([.init("type", .string("null"))])]))])
        case .list(let element): .object([.init("type", .string("array")), .init("items", element.json)])
        case .reference(let name): .object([.init("$ref", .string("#/components/schemas/\(name)"))])
        case .free(let description):
            .object([.init("type", .string("object")), .init("description", .string(description))])
        case .object(let members): Self.json(of: members)
        }
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
