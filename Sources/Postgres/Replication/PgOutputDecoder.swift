/// Reads messages of the server's plugin `pgoutput`, protocol version 1.
///
/// It takes nothing on trust: each message must be there to its last byte, and end there.
///
/// Source: PostgreSQL 15, "Logical Replication Message Formats".
package struct PgOutputDecoder {
    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads one message.
    ///
    /// - Throws: ``PgOutputFault`` that says which byte can't be, and why.
    package static func decode(_ bytes: [UInt8]) throws(PgOutputFault) -> PgOutputMessage {
        var decoder = Self(bytes)
        let message = try decoder.message()
        guard decoder.position == bytes.count else {
            throw decoder.fault("\(bytes.count - decoder.position) bytes too many")
        }
        return message
    }

    // MARK: Messages

    private mutating func message() throws(PgOutputFault) -> PgOutputMessage {
        switch try byte("the kind") {
        case UInt8(ascii: "B"): try begin()
        case UInt8(ascii: "C"): try commit()
        case UInt8(ascii: "O"): .origin(at: try place("the origin's place"), name: try string("its name"))
        case UInt8(ascii: "R"): .relation(try relation())
        case UInt8(ascii: "Y"):
            .type(
                id: try number(UInt32.self, "the type"),
                namespace: try string("its schema"),
                name: try string("its name")
            )
        case UInt8(ascii: "I"): try insert()
        case UInt8(ascii: "U"): try update()
        case UInt8(ascii: "D"): try delete()
        case UInt8(ascii: "T"): try truncate()
        case UInt8(ascii: "M"): try written()
        default: throw fault("there is no such message", at: 0)
        }
    }

    private mutating func begin() throws(PgOutputFault) -> PgOutputMessage {
        .begin(
            PgOutputMessage.Begin(
                commitAt: try place("the commit's place"),
                committedAt: try instant("its time"),
                transaction: try number(UInt32.self, "the transaction")
            )
        )
    }

    private mutating func commit() throws(PgOutputFault) -> PgOutputMessage {
        try flags("the commit's flags", within: 0)
        return .commit(
            PgOutputMessage.Commit(
                at: try place("the commit's place"),
                end: try place("its end"),
                committedAt: try instant("its time")
            )
        )
    }

    private mutating func relation() throws(PgOutputFault) -> PgOutputMessage.Relation {
        let id = try number(UInt32.self, "the relation")
        var namespace = try string("its schema")
        // The system's own schema has no name here.
        if namespace.isEmpty { namespace = "pg_catalog" }
        let name = try string("its name")
        let identity = PgOutputMessage.Identity(rawValue: try byte("its replica identity"))
        guard let identity else { throw fault("is no replica identity", at: position - 1) }
        let count = try count("its columns")
        var columns: [PgOutputMessage.Column] = []
        for _ in 0..<count {
            let isKey = try flags("a column's flags", within: 1) == 1
            columns.append(
                PgOutputMessage.Column(
                    isKey: isKey,
                    name: try string("a column's name"),
                    type: try number(UInt32.self, "a column's type"),
                    modifier: try number(Int32.self, "a column's modifier")
                )
            )
        }
        return PgOutputMessage.Relation(
            id: id,
            namespace: namespace,
            name: name,
            identity: identity,
            columns: columns
        )
    }

    private mutating func insert() throws(PgOutputFault) -> PgOutputMessage {
        let relation = try number(UInt32.self, "the relation")
        try expect(UInt8(ascii: "N"))
        return .insert(relation: relation, new: try tuple())
    }

    private mutating func update() throws(PgOutputFault) -> PgOutputMessage {
        let relation = try number(UInt32.self, "the relation")
        let before = try old()
        try expect(UInt8(ascii: "N"))
        return .update(relation: relation, old: before, new: try tuple())
    }

    private mutating func delete() throws(PgOutputFault) -> PgOutputMessage {
        let relation = try number(UInt32.self, "the relation")
        guard let before = try old() else { throw fault("expected 'K' or 'O'") }
        return .delete(relation: relation, old: before)
    }

    private mutating func truncate() throws(PgOutputFault) -> PgOutputMessage {
        let count = try number(Int32.self, "how many relations")
        guard count >= 0 else { throw fault("\(count) relations can't be", at: position - 4) }
        let options = try flags("the options", within: 3)
        var relations: [UInt32] = []
        for _ in 0..<count { relations.append(try number(UInt32.self, "a relation")) }
        return .truncate(
            relations: relations,
            cascades: options & 1 != 0,
            restartsIdentity: options & 2 != 0
        )
    }

    private mutating func written() throws(PgOutputFault) -> PgOutputMessage {
        let isTransactional = try flags("the message's flags", within: 1) == 1
        return .message(
            PgOutputMessage.Written(
                isTransactional: isTransactional,
                at: try place("its place"),
                prefix: try string("its prefix"),
                content: try block("its content")
            )
        )
    }

    // MARK: Rows

    /// A row before it was changed, if it is there.
    private mutating func old() throws(PgOutputFault) -> PgOutputMessage.Old? {
        guard position < bytes.count else { throw fault("ends before a row") }
        switch bytes[position] {
        case UInt8(ascii: "K"):
            position += 1
            return .key(try tuple())
        case UInt8(ascii: "O"):
            position += 1
            return .row(try tuple())
        default: return nil
        }
    }

    private mutating func tuple() throws(PgOutputFault) -> [PgOutputMessage.Value] {
        let count = try count("a row's columns")
        var values: [PgOutputMessage.Value] = []
        for _ in 0..<count {
            switch try byte("a value's kind") {
            case UInt8(ascii: "n"): values.append(.null)
            case UInt8(ascii: "u"): values.append(.unchanged)
            case UInt8(ascii: "t"):
                let block = try block("a value")
                guard let text = String(validating: block, as: UTF8.self) else {
                    throw fault("a value is not UTF-8", at: position - block.count)
                }
                values.append(.text(text))
            case UInt8(ascii: "b"): values.append(.binary(try block("a value")))
            default: throw fault("is no kind of value", at: position - 1)
            }
        }
        return values
    }

    // MARK: Parts

    private func fault(_ reason: String, at offset: Int? = nil) -> PgOutputFault {
        PgOutputFault(kind: bytes.first, offset: offset ?? position, reason: reason)
    }

    private mutating func byte(_ what: String) throws(PgOutputFault) -> UInt8 {
        guard position < bytes.count else { throw fault("ends before \(what)") }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(PgOutputFault) {
        let found = try self.byte("a row")
        guard found == byte else { throw fault("expected '\(Unicode.Scalar(byte))'", at: position - 1) }
    }

    @discardableResult
    private mutating func flags(_ what: String, within mask: UInt8) throws(PgOutputFault) -> UInt8 {
        let flags = try byte(what)
        guard flags & ~mask == 0 else { throw fault("\(what) can't be \(flags)", at: position - 1) }
        return flags
    }

    private mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type,
        _ what: String
    ) throws(PgOutputFault) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - position >= size else { throw fault("ends within \(what)") }
        defer { position += size }
        return bytes.span.bigEndian(type, at: position)
    }

    private mutating func count(_ what: String) throws(PgOutputFault) -> Int {
        let count = try number(Int16.self, what)
        guard count >= 0 else { throw fault("\(what) can't be \(count)", at: position - 2) }
        return Int(count)
    }

    private mutating func place(_ what: String) throws(PgOutputFault) -> LSN {
        LSN(rawValue: try number(UInt64.self, what))
    }

    private mutating func instant(_ what: String) throws(PgOutputFault) -> PostgresTimestamp {
        let wire = try number(Int64.self, what)
        let (microseconds, isBeyond) = wire.addingReportingOverflow(PostgresTimestamp.epochOffset)
        guard !isBeyond else { throw fault("\(what) is beyond all times", at: position - 8) }
        return PostgresTimestamp(microseconds: microseconds)
    }

    private mutating func string(_ what: String) throws(PgOutputFault) -> String {
        guard let end = bytes[position...].firstIndex(of: 0) else { throw fault("ends within \(what)") }
        guard let text = String(validating: bytes[position..<end], as: UTF8.self) else {
            throw fault("\(what) is not UTF-8")
        }
        position = end + 1
        return text
    }

    /// Bytes with their number in front.
    private mutating func block(_ what: String) throws(PgOutputFault) -> [UInt8] {
        let length = try number(Int32.self, "the length of \(what)")
        guard length >= 0 else { throw fault("\(what) can't be \(length) bytes long", at: position - 4) }
        guard bytes.count - position >= Int(length) else { throw fault("ends within \(what)") }
        defer { position += Int(length) }
        return Array(bytes[position..<position + Int(length)])
    }
}
