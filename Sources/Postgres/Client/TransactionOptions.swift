/// How a transaction is begun.
public struct TransactionOptions: Sendable, Hashable {
    /// What a transaction sees of others.
    public enum Isolation: String, Sendable, Hashable {
        /// Each statement sees what was committed before it.
        case readCommitted = "read committed"
        /// All statements see what was committed before the first.
        case repeatableRead = "repeatable read"
        /// As if transactions ran one after the other; be ready to try again.
        case serializable = "serializable"
    }

    /// What the transaction sees of others; nil is the server's default.
    public var isolation: Isolation?
    /// Whether it may only read.
    public var readOnly: Bool
    /// How long a statement waits for a lock; nil is the server's default.
    public var lockTimeout: Duration?
    /// How long a statement may run; nil is the server's default.
    public var statementTimeout: Duration?
    /// How long the server waits for the next statement before it ends the session, and with it the transaction; nil
    /// is the server's default.
    public var idleTimeout: Duration?

    /// Makes options; by default the server's.
    public init(
        isolation: Isolation? = nil,
        readOnly: Bool = false,
        lockTimeout: Duration? = nil,
        statementTimeout: Duration? = nil,
        idleTimeout: Duration? = nil
    ) {
        self.isolation = isolation
        self.readOnly = readOnly
        self.lockTimeout = lockTimeout
        self.statementTimeout = statementTimeout
        self.idleTimeout = idleTimeout
    }
}
