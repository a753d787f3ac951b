internal import CLibPQ
internal import Glibc

/// What the server answered to one statement.
///
/// It never changes, so any thread may read it.
@safe final class ResultSet: @unchecked Sendable {
    // Sendable: a PGresult is only read after it was made, and freed with its last owner.
    private let result: OpaquePointer

    init(taking result: OpaquePointer) {
        unsafe self.result = unsafe result
    }

    deinit {
        unsafe PQclear(result)
    }

    enum Status {
        case done
        case rows
        case copyIn
        case copyOut
        /// Data in both directions: a stream of the server's log has begun.
        case copyBoth
        case synchronised
        case skipped
        case failed
    }

    var status: Status {
        switch unsafe PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY, PGRES_NONFATAL_ERROR: .done
        case PGRES_TUPLES_OK, PGRES_SINGLE_TUPLE: .rows
        case PGRES_COPY_IN: .copyIn
        case PGRES_COPY_OUT: .copyOut
        case PGRES_COPY_BOTH: .copyBoth
        case PGRES_PIPELINE_SYNC: .synchronised
        case PGRES_PIPELINE_ABORTED: .skipped
        default: .failed
        }
    }

    var rowCount: Int { Int(unsafe PQntuples(result)) }

    var columnCount: Int { Int(unsafe PQnfields(result)) }

    /// How many rows the statement inserted, changed, deleted, copied or returned.
    var affected: Int {
        guard let text = unsafe PQcmdTuples(result) else { return 0 }
        return Int(unsafe String(cString: text)) ?? 0
    }

    /// What was done, such as `INSERT 0 1` or `ROLLBACK`.
    var commandTag: String {
        guard let text = unsafe PQcmdStatus(result) else { return "" }
        return unsafe String(cString: text)
    }

    func name(of column: Int) -> String {
        guard let name = unsafe PQfname(result, Int32(column)) else { return "\(column)" }
        return unsafe String(cString: name)
    }

    func column(named name: String) -> Int? {
        for column in 0..<columnCount {
            guard let other = unsafe PQfname(result, Int32(column)) else { continue }
            if unsafe name.withCString({ unsafe strcmp($0, other) }) == 0 { return column }
        }
        return nil
    }

    func decode<Value: PostgresDecodable>(row: Int, column: Int) throws(DecodingFailure) -> Value {
        let row = Int32(row)
        let column = Int32(column)
        if unsafe PQgetisnull(result, row, column) == 1 { return try Value.decodeNull() }
        let type = PostgresType(oid: unsafe PQftype(result, column))
        let length = Int(unsafe PQgetlength(result, row, column))
        let bytes = unsafe UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: length)
        return try unsafe Value.decode(bytes.bindMemory(to: UInt8.self).span, as: type)
    }

    /// A value of the simple protocol, whose values are all text; nil is NULL.
    func text(row: Int, column: Int) -> String? {
        guard unsafe PQgetisnull(result, Int32(row), Int32(column)) == 0,
            let value = unsafe PQgetvalue(result, Int32(row), Int32(column))
        else { return nil }
        return unsafe String(cString: value)
    }

    func rows(of query: Query) -> [Row] {
        let source = Row.Source(self, of: query)
        return (0..<rowCount).map { Row(source, at: $0) }
    }

    /// The server's complaint.
    var error: PostgresError {
        let state = field("C").map(SQLState.init(rawValue:))
        let severity = field("V") ?? field("S")
        let isFatal = severity == "FATAL" || severity == "PANIC" || state == nil
        var error = PostgresError(isFatal ? .connection : .server, message, sqlState: state)
        error.severity = severity
        error.detail = field("D")
        error.hint = field("H")
        error.constraint = field("n")
        error.table = field("t")
        error.column = field("c")
        error.context = field("W")
        return error
    }

    /// Whether a cached plan is of no use any more, and preparing the statement again helps.
    var isStalePlan: Bool {
        let state = field("C")
        return state == SQLState.invalidStatementName.rawValue
            || (state == SQLState.featureNotSupported.rawValue && field("R") == "RevalidateCachedQuery")
    }

    private var message: String {
        let text = unsafe field("M") ?? String(cString: PQresultErrorMessage(result))
        return PostgresError.oneLine(text)
    }

    /// A field of the complaint, by the letter it has in the protocol (`PG_DIAG_…` in `postgres_ext.h`).
    private func field(_ letter: Unicode.Scalar) -> String? {
        guard let text = unsafe PQresultErrorField(result, Int32(letter.value)) else { return nil }
        return unsafe String(cString: text)
    }
}
