internal import CLinux
internal import Glibc
internal import Reactor
internal import Synchronization

/// Writes a sample of what was asked and answered to a file, one line of JSON each.
///
/// Whoever serves never waits for the file: lines go to a buffer that a thread empties, and what doesn't fit is counted in
/// the next line that does. Failures of the server (5xx) are written beyond the sample, as long as there are not too many.
public final class AccessLog: Sendable {
    private struct Buffer {
        var bytes: [UInt8] = []
        var dropped = 0
        /// Failures in the second that is now.
        var failures = (second: 0, count: 0)
        var isClosed = false
    }

    private static let capacity = 4_194_304
    private static let failuresPerSecond = 1_000

    private let threshold: UInt64
    private let counter = Atomic<UInt64>(UInt64.random(in: .min ... .max))
    private let buffer = Lock(Buffer())
    private let descriptor: Int32
    private let wakeup: Int32

    /// Opens a log.
    ///
    /// - Parameters:
    ///   - path: is appended to; `-` is standard output.
    ///   - sample: which share of the answers is written, from 0 to 1.
    /// - Throws: ``AccessLogError`` when the file can't be opened.
    public init(path: String, sample: Double) throws {
        precondition((0...1).contains(sample), "a sample is a share")
        threshold = sample >= 1 ? .max : UInt64(sample * 0x1p64)
        descriptor = path == "-" ? 1 : unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            let reason = unsafe String(cString: strerror(errno))
            throw AccessLogError(description: "cannot write the access log \(path): \(reason)")
        }
        wakeup = eventfd(0, Int32(USHER_CLOEXEC))
        try Thread.start(name: "access-log") { [self] in empty() }
    }

    /// Takes a record, if it belongs to the sample.
    public func note(_ record: AccessRecord) {
        // A Weyl sequence: every stretch of requests has its share, without a random number for each.
        let draw = counter.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        let isSampled = threshold == .max || draw < threshold
        guard isSampled || record.status >= 500 else { return }
        let now = Self.now()
        let line = Self.line(record, now)
        buffer.withLock { buffer in
            guard !buffer.isClosed else { return }
            if !isSampled {
                if buffer.failures.second != now.tv_sec { buffer.failures = (now.tv_sec, 0) }
                buffer.failures.count += 1
                guard buffer.failures.count <= Self.failuresPerSecond else {
                    buffer.dropped += 1
                    return
                }
            }
            guard buffer.bytes.count + line.count <= Self.capacity else {
                buffer.dropped += 1
                return
            }
            // Within the lock: the thread closes what is written to here only once it is closed there.
            if buffer.bytes.isEmpty { wake() }
            if buffer.dropped > 0 {
                buffer.bytes += Array("{\"dropped\":\(buffer.dropped)}\n".utf8)
                buffer.dropped = 0
            }
            buffer.bytes += line
        }
    }

    /// Writes what waits, and nothing from then on.
    public func close() {
        buffer.withLock { buffer in
            guard !buffer.isClosed else { return }
            buffer.isClosed = true
            wake()
        }
    }

    private func wake() {
        var one: UInt64 = 1
        unsafe Glibc.write(wakeup, &one, 8)
    }

    // MARK: The thread

    private func empty() {
        while true {
            var count: UInt64 = 0
            unsafe read(wakeup, &count, 8)
            let (bytes, isClosed) = buffer.withLock { buffer in
                defer { buffer.bytes = [] }
                return (buffer.bytes, buffer.isClosed)
            }
            save(bytes)
            if isClosed { break }
        }
        Glibc.close(wakeup)
        if descriptor > 2 { Glibc.close(descriptor) }
    }

    private func save(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes[start...].withUnsafeBufferPointer {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 {
                start += count
            } else if errno != EINTR {
                // A full disk must not stop the sale.
                return
            }
        }
    }

    // MARK: Lines

    private static func now() -> timespec {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return now
    }

    private static func line(_ record: AccessRecord, _ now: timespec) -> [UInt8] {
        var line = JSONWriter.object { json in
            json.field("time", timestamp(now))
            if let client = record.client { json.field("client", client.host) }
            if let method = record.method { json.field("method", method.rawValue) }
            if !record.call.isEmpty { json.field("call", record.call) }
            json.field("status", record.status)
            json.field("bytes", record.bytes)
            json.field("took_us", Int(record.took.microseconds))
            if !record.requestID.isEmpty { json.field("request_id", record.requestID) }
            if record.isEncrypted { json.field("tls", true) }
        }
        line.append(ASCII.lineFeed)
        return line
    }

    /// `2026-03-01T10:00:00.123Z`.
    private static func timestamp(_ now: timespec) -> String {
        var seconds = now.tv_sec
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let milliseconds = 1_000 + now.tv_nsec / 1_000_000
        let (year, month, day) = unsafe (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday)
        let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
        return "\(year)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(second))"
            + ".\(String(milliseconds).dropFirst())Z"
    }
}

/// Why there is no access log.
public struct AccessLogError: Error, Sendable, CustomStringConvertible {
    /// One line for a person.
    public let description: String
}
