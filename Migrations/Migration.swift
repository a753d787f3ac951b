/// One numbered step of the schema.
public struct Migration: Sendable, Hashable {
    /// Its place in the order; never used twice.
    public let number: Int
    /// What it is about, as in its file's name.
    public let name: String
    /// The statements.
    ///
    /// Names are unqualified: the search path decides the schema.
    public let sql: String

    /// Makes a migration.
    public init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// Makes a migration from a file that was compiled in.
    init(_ number: Int, _ name: String, _ bytes: [UInt8]) {
        self.init(number: number, name: name, sql: String(decoding: bytes, as: UTF8.self))
    }
}
