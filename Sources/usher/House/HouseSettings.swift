/// Where a house stands and how its doors are numbered.
struct HouseSettings: Sendable {
    /// An absolute path: the private server and the lock live here.
    var directory: String
    /// The server to use; nil starts a private one.
    var databaseURL: String?
    /// How that server is reached.
    var pooler = PoolerSettings.none
    var schema: String
    var host: String
    /// Zero takes a free one.
    var port: Int
    var adminPort: Int
    /// The payment provider; nil starts the stand-in.
    var paymentsURL: String?
    /// What the stand-in is called with, beside its port.
    var standInWords: [String] = []
    var logLevel: String
    var logFormat: String
    var environment: [String: String]
    /// Whether the private server ends with us however we end.
    var isTemporary = false
}
