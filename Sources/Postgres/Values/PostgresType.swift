/// A type of the server's, by the number it has in `pg_type`.
public struct PostgresType: Sendable, Hashable, CustomStringConvertible {
    /// The type's object id.
    public let oid: UInt32

    /// Makes a type from its object id.
    public init(oid: UInt32) {
        self.oid = oid
    }

    static let bool = Self(oid: 16)
    static let bytea = Self(oid: 17)
    static let char = Self(oid: 18)
    static let name = Self(oid: 19)
    static let int8 = Self(oid: 20)
    static let int2 = Self(oid: 21)
    static let int4 = Self(oid: 23)
    static let text = Self(oid: 25)
    static let oid = Self(oid: 26)
    static let json = Self(oid: 114)
    static let xml = Self(oid: 142)
    static let float4 = Self(oid: 700)
    static let float8 = Self(oid: 701)
    static let unknown = Self(oid: 705)
    static let bpchar = Self(oid: 1042)
    static let varchar = Self(oid: 1043)
    static let timestamptz = Self(oid: 1184)
    static let numeric = Self(oid: 1700)
    static let uuid = Self(oid: 2950)
    static let jsonb = Self(oid: 3802)

    /// Types made by `create type` have numbers from here on; enumerations among them travel as text.
    private static let firstUserDefined: UInt32 = 16384

    private static let known: [(type: UInt32, array: UInt32, name: String)] = [
        (16, 1000, "bool"), (17, 1001, "bytea"), (18, 1002, "char"), (19, 1003, "name"), (20, 1016, "int8"),
        (21, 1005, "int2"), (23, 1007, "int4"), (25, 1009, "text"), (26, 1028, "oid"), (114, 199, "json"),
        (142, 143, "xml"), (700, 1021, "float4"), (701, 1022, "float8"), (1042, 1014, "bpchar"),
        (1043, 1015, "varchar"), (1082, 1182, "date"), (1114, 1115, "timestamp"), (1184, 1185, "timestamptz"),
        (1186, 1187, "interval"), (1700, 1231, "numeric"), (2950, 2951, "uuid"), (3802, 3807, "jsonb"),
        (2278, 0, "void"), (705, 0, "unknown"),
    ]

    /// The type of arrays of this type, for the types that this module can send.
    var array: Self {
        switch oid {
        case 16: Self(oid: 1000)
        case 17: Self(oid: 1001)
        case 20: Self(oid: 1016)
        case 21: Self(oid: 1005)
        case 23: Self(oid: 1007)
        case 25: Self(oid: 1009)
        case 700: Self(oid: 1021)
        case 701: Self(oid: 1022)
        case 1184: Self(oid: 1185)
        case 1700: Self(oid: 1231)
        case 2950: Self(oid: 2951)
        case 3802: Self(oid: 3807)
        default: preconditionFailure("arrays of \(self) can't be sent")
        }
    }

    /// Whether values of this type arrive as plain text.
    var isTextual: Bool {
        switch self {
        case .text, .varchar, .bpchar, .name, .json, .xml, .char, .unknown: true
        default: oid >= Self.firstUserDefined
        }
    }

    /// The name the server uses, or the number.
    public var description: String {
        for entry in Self.known {
            if entry.type == oid { return entry.name }
            if entry.array == oid { return "\(entry.name)[]" }
        }
        return "type \(oid)"
    }
}
