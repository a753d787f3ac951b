internal import CLinux
internal import Glibc
internal import Reactor

/// A connection to a Redis server on which commands of many callers travel together.
///
/// What the callers of one turn of the loop ask goes out in one write, so that the server takes it in one read,
/// appends it with one write and, where it makes things durable, with one fsync: a group commit.
///
/// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
final class RedisConnection: ReadinessHandler, @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.

    /// What the server answered to a command: a number, or nothing.
    typealias Answer = Int64?

    private struct Waiting {
        let wanted: Int
        let continuation: CheckedContinuation<[Answer], any Error>
    }

    private let loop: EventLoop
    private let descriptor: Int32
    private var registration: Registration?
    private var output: [UInt8] = []
    private var willFlush = false
    private var scratch = [UInt8](repeating: 0, count: 65_536)
    private var input: [UInt8] = []
    private var answers: [Answer] = []
    private var waiting: [Waiting] = []
    private var firstWaiting = 0
    private var failure: Failure?

    /// Connects to a server's Unix socket; must be called on the loop's thread.
    init(path: String, loop: EventLoop) throws {
        self.loop = loop
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(USHER_SOCK_CLOEXEC), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8.prefix(107))
        }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, length)
            }
        }
        guard code == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            let reason = errno
            close(descriptor)
            throw ReactorError(call: "connect", errno: reason)
        }
        registration = try loop.register(descriptor, for: .read, handler: self)
    }

    /// Sends commands, each a list of words, and returns their answers in order.
    ///
    /// On the loop's thread only.
    func send(_ commands: [[String]]) async throws -> [Answer] {
        loop.checkIsolated()
        return try await withCheckedThrowingContinuation { continuation in
            if let failure { return continuation.resume(throwing: failure) }
            for words in commands { append(words) }
            waiting.append(Waiting(wanted: commands.count, continuation: continuation))
            guard !willFlush else { return }
            willFlush = true
            // After what the loop has already read from buyers: they go together.
            loop.execute { self.flush() }
        }
    }

    private func append(_ words: [String]) {
        output.append(contentsOf: "*\(words.count)\r\n".utf8)
        for word in words {
            output.append(contentsOf: "$\(word.utf8.count)\r\n".utf8)
            output.append(contentsOf: word.utf8)
            output.append(contentsOf: "\r\n".utf8)
        }
    }

    private func flush() {
        willFlush = false
        while !output.isEmpty {
            let sent = unsafe output.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if sent > 0 {
                output.removeFirst(sent)
            } else if errno == EAGAIN {
                return watch([.read, .write])
            } else if errno != EINTR {
                return fail()
            }
        }
        watch(.read)
    }

    private func watch(_ interest: Readiness) {
        guard let registration else { return }
        do { try loop.update(registration, for: interest) } catch { fail() }
    }

    func ready(_ readiness: Readiness, token: UInt64) {
        if readiness.contains(.write) { flush() }
        guard readiness.contains(.read) || readiness.contains(.failed) else { return }
        let count = unsafe scratch.withUnsafeMutableBytes {
            unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        guard count > 0 else {
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
            return fail()
        }
        input.append(contentsOf: scratch[..<count])
        parse()
    }

    /// Reads whole answers; all that we ask for are one line each.
    private func parse() {
        var start = 0
        while let end = input[start...].firstIndex(of: UInt8(ascii: "\r")), end + 1 < input.count {
            let line = input[start..<end]
            start = end + 2
            switch line.first {
            case UInt8(ascii: ":"): answers.append(Int64(String(decoding: line.dropFirst(), as: UTF8.self)))
            // No such member.
            case UInt8(ascii: "$"): answers.append(nil)
            default:
                return fail(String(decoding: line, as: UTF8.self))
            }
            guard answers.count == waiting[firstWaiting].wanted else { continue }
            waiting[firstWaiting].continuation.resume(returning: answers)
            answers.removeAll(keepingCapacity: true)
            firstWaiting += 1
        }
        input.removeFirst(start)
        if firstWaiting > 1000 || firstWaiting == waiting.count {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }

    private func fail(_ reason: String = "the connection was closed") {
        let failure = Failure("Redis: \(reason)")
        self.failure = failure
        for caller in waiting[firstWaiting...] { caller.continuation.resume(throwing: failure) }
        waiting = []
        firstWaiting = 0
        if let registration { loop.deregister(registration) }
        registration = nil
    }

    deinit { close(descriptor) }
}
