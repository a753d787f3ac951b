/// What the server's plugin `pgoutput` says of a transaction, in the first version of its protocol.
///
/// A transaction comes when it has been committed, whole, between a `begin` and its `commit`; transactions come in the
/// order of their commits. A table is described before its first row, and again when it has changed.
///
/// Source: PostgreSQL 15, "Logical Replication Message Formats".
package enum PgOutputMessage: Sendable, Hashable {
    /// A transaction begins.
    case begin(Begin)
    /// It is over.
    case commit(Commit)
    /// The transaction came here from another server.
    case origin(at: LSN, name: String)
    /// What a table looks like.
    case relation(Relation)
    /// What a type is called.
    case type(id: UInt32, namespace: String, name: String)
    /// A row was inserted.
    case insert(relation: UInt32, new: [Value])
    /// A row was changed; `old` is its key or all of it, where the table says so.
    case update(relation: UInt32, old: Old?, new: [Value])
    /// A row was deleted.
    case delete(relation: UInt32, old: Old)
    /// Tables were emptied.
    case truncate(relations: [UInt32], cascades: Bool, restartsIdentity: Bool)
    /// Somebody wrote into the log with `pg_logical_emit_message`.
    case message(Written)

    /// The beginning of a transaction.
    package struct Begin: Sendable, Hashable {
        /// Where its commit is in the log.
        package var commitAt: LSN
        /// When it was committed.
        package var committedAt: PostgresTimestamp
        /// Its number, of 32 bits.
        package var transaction: UInt32
    }

    /// The end of a transaction.
    package struct Commit: Sendable, Hashable {
        /// Where its commit is in the log.
        package var at: LSN
        /// Where the log goes on behind it.
        package var end: LSN
        /// When it was committed.
        package var committedAt: PostgresTimestamp
    }

    /// What was written into the log.
    package struct Written: Sendable, Hashable {
        /// Whether it is part of a transaction.
        package var isTransactional: Bool
        /// Where it is in the log.
        package var at: LSN
        /// Whose it is.
        package var prefix: String
        /// What it says.
        package var content: [UInt8]
    }

    /// A table.
    package struct Relation: Sendable, Hashable {
        /// Its number, by which rows name it.
        package var id: UInt32
        /// Its schema.
        package var namespace: String
        /// Its name.
        package var name: String
        /// Which columns old rows are told with.
        package var identity: Identity
        /// Its columns, in the order of the rows' values.
        package var columns: [Column]
    }

    /// Which columns of old rows are told.
    package enum Identity: UInt8, Sendable, Hashable {
        /// Those of the primary key, `d`.
        case primaryKey = 100
        /// None, `n`.
        case nothing = 110
        /// All, `f`.
        case full = 102
        /// Those of an index, `i`.
        case index = 105
    }

    /// A column.
    package struct Column: Sendable, Hashable {
        /// Whether it is part of the key.
        package var isKey: Bool
        /// Its name.
        package var name: String
        /// Its type's number.
        package var type: UInt32
        /// Its type's modifier, or −1.
        package var modifier: Int32
    }

    /// A row before it was changed.
    package enum Old: Sendable, Hashable {
        /// Only the columns of the key; others are null.
        case key([Value])
        /// All of it.
        case row([Value])
    }

    /// One column's value.
    package enum Value: Sendable, Hashable {
        /// NULL.
        case null
        /// A large value that the change left as it was, and that is not sent.
        case unchanged
        /// As the type writes itself.
        case text(String)
        /// As the type sends itself; only when that was asked for.
        case binary([UInt8])
    }
}
