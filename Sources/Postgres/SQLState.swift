/// The five characters by which the server says what went wrong.
///
/// Source: PostgreSQL 15, appendix A.
public struct SQLState: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The five characters.
    public let rawValue: String

    /// Makes a state from its five characters.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The five characters.
    public var description: String { rawValue }

    /// The first two characters, which many states share.
    public var classCode: Substring { rawValue.prefix(2) }

    /// A unique constraint was violated.
    public static let uniqueViolation = Self(rawValue: "23505")
    /// A foreign key was violated.
    public static let foreignKeyViolation = Self(rawValue: "23503")
    /// A NULL where none may be.
    public static let notNullViolation = Self(rawValue: "23502")
    /// A check constraint was violated.
    public static let checkViolation = Self(rawValue: "23514")
    /// An exclusion constraint was violated.
    public static let exclusionViolation = Self(rawValue: "23P01")
    /// The transaction could not be put in order with others.
    public static let serializationFailure = Self(rawValue: "40001")
    /// The transaction was chosen to end a deadlock.
    public static let deadlockDetected = Self(rawValue: "40P01")
    /// A lock was not to be had, with NOWAIT or within `lock_timeout`.
    public static let lockNotAvailable = Self(rawValue: "55P03")
    /// The statement was cancelled, by request or by `statement_timeout`.
    public static let queryCanceled = Self(rawValue: "57014")
    /// The server, or somebody with the right to, ended the connection.
    public static let adminShutdown = Self(rawValue: "57P01")
    /// The server is starting, stopping or recovering.
    public static let cannotConnectNow = Self(rawValue: "57P03")
    /// A statement in a transaction that has failed already.
    public static let inFailedTransaction = Self(rawValue: "25P02")
    /// A write in a transaction, or on a server, that only reads.
    public static let readOnlyTransaction = Self(rawValue: "25006")
    /// There is no such table.
    public static let undefinedTable = Self(rawValue: "42P01")
    /// There is no such column.
    public static let undefinedColumn = Self(rawValue: "42703")
    /// There is no such function.
    public static let undefinedFunction = Self(rawValue: "42883")
    /// There is no such object.
    public static let undefinedObject = Self(rawValue: "42704")
    /// Something is used by somebody else at the moment, such as a replication slot.
    public static let objectInUse = Self(rawValue: "55006")
    /// Something is not in a state for this, such as a replication slot whose log is gone.
    public static let objectNotInPrerequisiteState = Self(rawValue: "55000")
    /// There is such a table already.
    public static let duplicateTable = Self(rawValue: "42P07")
    /// There is such a schema already.
    public static let duplicateSchema = Self(rawValue: "42P06")
    /// There is such an object already.
    public static let duplicateObject = Self(rawValue: "42710")
    /// The statement can't be parsed.
    public static let syntaxError = Self(rawValue: "42601")
    /// The role may not do this.
    public static let insufficientPrivilege = Self(rawValue: "42501")
    /// Division by zero.
    public static let divisionByZero = Self(rawValue: "22012")
    /// A value of a type was written wrongly.
    public static let invalidTextRepresentation = Self(rawValue: "22P02")
    /// `raise exception` in PL/pgSQL.
    public static let raiseException = Self(rawValue: "P0001")
    /// The server can't do this, or not any more: a cached plan whose result type changed.
    public static let featureNotSupported = Self(rawValue: "0A000")
    /// There is no such prepared statement.
    public static let invalidStatementName = Self(rawValue: "26000")
}
