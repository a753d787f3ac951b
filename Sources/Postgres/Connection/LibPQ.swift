internal import CLibPQ
internal import Glibc

/// A `PGconn` with its unsafe calls wrapped; it belongs to one connection actor and knows nothing of waiting.
@safe final class LibPQ {
    private let connection: OpaquePointer

    /// Begins to connect (`PQconnectStartParams`), which doesn't block when addresses are numeric.
    init?(parameters: [(keyword: String, value: String)]) {
        var keywords: [UnsafePointer<CChar>?] = unsafe []
        var values: [UnsafePointer<CChar>?] = unsafe []
        for parameter in parameters {
            unsafe keywords.append(UnsafePointer(strdup(parameter.keyword)))
            unsafe values.append(UnsafePointer(strdup(parameter.value)))
        }
        unsafe keywords.append(nil)
        unsafe values.append(nil)
        defer {
            unsafe (keywords + values).forEach { unsafe free(UnsafeMutableRawPointer(mutating: $0)) }
        }
        guard let connection = unsafe PQconnectStartParams(keywords, values, 0) else { return nil }
        unsafe self.connection = unsafe connection
        // Without a receiver libpq writes notices to standard error.
        unsafe PQsetNoticeReceiver(connection, { @Sendable _, _ in }, nil)
    }

    deinit {
        unsafe PQfinish(connection)
    }

    /// Has a log hear what the server says beside its results; whoever calls this keeps the log for as long.
    func tell(_ log: PlanLog) {
        let hear: PQnoticeReceiver = { @Sendable log, result in
            // The letter of PG_DIAG_MESSAGE_PRIMARY.
            guard let log = unsafe log, let text = unsafe PQresultErrorField(result, Int32(UInt8(ascii: "M")))
            else { return }
            unsafe Unmanaged<PlanLog>.fromOpaque(log).takeUnretainedValue().hear(String(cString: text))
        }
        unsafe PQsetNoticeReceiver(connection, hear, Unmanaged.passUnretained(log).toOpaque())
    }

    enum Progress {
        case reading
        case writing
        case connected
        case failed
    }

    func connectPoll() -> Progress {
        switch unsafe PQconnectPoll(connection) {
        case PGRES_POLLING_READING: .reading
        case PGRES_POLLING_WRITING: .writing
        case PGRES_POLLING_OK: .connected
        default: .failed
        }
    }

    func setNonblocking() -> Bool {
        unsafe PQsetnonblocking(connection, 1) == 0
    }

    var isBad: Bool { unsafe PQstatus(connection) == CONNECTION_BAD }

    var socket: Int32 { unsafe PQsocket(connection) }

    var backend: Int32 { unsafe PQbackendPID(connection) }

    var message: String {
        PostgresError.oneLine(unsafe String(cString: PQerrorMessage(connection)))
    }

    enum TransactionStatus: UInt8 {
        case idle
        case inTransaction
        case failed
        case unknown
    }

    var transactionStatus: TransactionStatus {
        switch unsafe PQtransactionStatus(connection) {
        case PQTRANS_IDLE: .idle
        case PQTRANS_INTRANS: .inTransaction
        case PQTRANS_INERROR: .failed
        default: .unknown
        }
    }

    // MARK: Receiving

    func consumeInput() -> Bool {
        unsafe PQconsumeInput(connection) == 1
    }

    var isBusy: Bool { unsafe PQisBusy(connection) == 1 }

    func nextResult() -> ResultSet? {
        guard let result = unsafe PQgetResult(connection) else { return nil }
        return unsafe ResultSet(taking: result)
    }

    func nextNotification() -> PostgresNotification? {
        guard let notification = unsafe PQnotifies(connection) else { return nil }
        defer { unsafe PQfreemem(notification) }
        return unsafe PostgresNotification(
            channel: String(cString: notification.pointee.relname),
            payload: String(cString: notification.pointee.extra)
        )
    }

    // MARK: Sending

    /// Sends what is buffered; 0 is all of it, 1 is not yet all, −1 is failure.
    func flush() -> Int32 {
        unsafe PQflush(connection)
    }

    func enterPipeline() -> Bool {
        unsafe PQenterPipelineMode(connection) == 1
    }

    func exitPipeline() -> Bool {
        unsafe PQexitPipelineMode(connection) == 1
    }

    func sendSync() -> Bool {
        unsafe PQpipelineSync(connection) == 1
    }

    func sendPrepare(_ name: String, text: String, types: [PostgresType]) -> Bool {
        let oids = types.map(\.oid)
        return unsafe PQsendPrepare(connection, name, text, Int32(oids.count), oids) == 1
    }

    func sendPrepared(_ name: String, _ query: Query) -> Bool {
        unsafe withValues(of: query) { count, values, lengths, formats in
            unsafe PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1) == 1
        }
    }

    /// Sends a statement that is not prepared: parsed, bound and executed at once.
    func sendUnprepared(_ query: Query) -> Bool {
        let oids = query.parameters.map(\.type.oid)
        return unsafe withValues(of: query) { count, values, lengths, formats in
            unsafe PQsendQueryParams(connection, query.text, count, oids, values, lengths, formats, 1) == 1
        }
    }

    /// Lays out a statement's parameters as libpq wants them.
    private func withValues(
        of query: Query,
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> Bool
    ) -> Bool {
        let count = query.parameters.count
        guard count > 0 else { return body(0, nil, nil, nil) }
        // A value that is empty, not NULL, still needs an address.
        let bytes = query.bytes.isEmpty ? [0] : query.bytes
        return unsafe bytes.withUnsafeBytes { bytes in
            guard let base = unsafe bytes.bindMemory(to: CChar.self).baseAddress else { return false }
            let values = unsafe query.parameters.map { parameter -> UnsafePointer<CChar>? in
                parameter.length < 0 ? nil : unsafe base + parameter.start
            }
            let lengths = query.parameters.map { Int32(max(0, $0.length)) }
            let formats = [Int32](repeating: 1, count: count)
            return unsafe body(Int32(count), values, lengths, formats)
        }
    }

    /// Sends a script of several statements, outside of pipeline mode.
    func sendScript(_ text: String) -> Bool {
        unsafe PQsendQuery(connection, text) == 1
    }

    // MARK: COPY

    /// Hands over data; 1 is taken, 0 is not now, −1 is failure.
    func putCopyData(_ bytes: ArraySlice<UInt8>) -> Int32 {
        unsafe bytes.withUnsafeBytes { bytes in
            let characters = unsafe bytes.bindMemory(to: CChar.self)
            return unsafe PQputCopyData(connection, characters.baseAddress, Int32(characters.count))
        }
    }

    func putCopyEnd(error: String?) -> Int32 {
        unsafe PQputCopyEnd(connection, error)
    }

    enum CopyData {
        case row([UInt8])
        case notYet
        case end
        case failed
    }

    func getCopyData() -> CopyData {
        var buffer: UnsafeMutablePointer<CChar>?
        let count = unsafe PQgetCopyData(connection, &buffer, 1)
        guard count > 0, let buffer = unsafe buffer else {
            return count == 0 ? .notYet : count == -1 ? .end : .failed
        }
        defer { unsafe PQfreemem(buffer) }
        return .row(unsafe Array(UnsafeRawBufferPointer(start: buffer, count: Int(count))))
    }

    // MARK: Cancelling

    /// What another thread needs to cancel the running statement, taken while the connection lives.
    func canceller() -> Canceller? {
        guard let cancel = unsafe PQgetCancel(connection) else { return nil }
        return unsafe Canceller(taking: cancel)
    }
}

/// Asks the server to cancel what a connection is doing; may block, so it runs on a thread of its own.
@safe final class Canceller: @unchecked Sendable {
    // Sendable: PQcancel is documented to be safe from any thread; the pointer never changes.
    private let cancel: OpaquePointer

    init(taking cancel: OpaquePointer) {
        unsafe self.cancel = unsafe cancel
    }

    deinit {
        unsafe PQfreeCancel(cancel)
    }

    func run() {
        var message = [CChar](repeating: 0, count: 256)
        unsafe PQcancel(cancel, &message, 256)
    }
}
