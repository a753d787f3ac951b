internal import CLinux
internal import Glibc
internal import Reactor

/// Sends requests over many connections from one thread, as cheaply as can be, and times the answers.
///
/// At a pace, a request's time counts from the instant at which it was due, whether or not a connection was free to
/// take it: a server that falls behind is not spared what it kept waiting. Without a pace each connection sends its
/// next request when it has been answered.
final class HTTPLoad: ReadinessHandler, @unchecked Sendable {
    // Sendable: everything mutable is touched on the loop's thread only.
    private struct Connection {
        let descriptor: Int32
        var registration: Registration?
        var due = MonotonicTime(nanoseconds: 0)
        /// The number of the request in flight.
        var request = 0
        /// The beginning of an answer whose end has not come.
        var received: [UInt8] = []
    }

    private let loop: EventLoop
    private let agenda: any LoadAgenda
    private let request: (Int) -> [UInt8]
    private var connections: [Connection] = []
    private var idle: [Int] = []
    private var scratch = [UInt8](repeating: 0, count: 65_536)
    private var inFlight = 0
    private var start = MonotonicTime(nanoseconds: 0)
    private var report = LoadReport()
    private var finished: CheckedContinuation<LoadReport, any Error>?

    /// Prepares a load.
    ///
    /// - Parameters:
    ///   - loop: where it runs.
    ///   - agenda: which requests come, and when.
    ///   - request: the bytes of a request by its number.
    init(loop: EventLoop, agenda: any LoadAgenda, request: @escaping (Int) -> [UInt8]) {
        self.loop = loop
        self.agenda = agenda
        self.request = request
    }

    /// Prepares a load of requests that come evenly.
    ///
    /// - Parameters:
    ///   - loop: where it runs.
    ///   - total: requests in all.
    ///   - over: the time over which they are due; zero has no pace.
    ///   - request: the bytes of a request by its number.
    ///   - answer: is given each success' head and body.
    convenience init(
        loop: EventLoop,
        total: Int,
        over: Duration,
        request: @escaping (Int) -> [UInt8],
        answer: @escaping (ArraySlice<UInt8>) -> Void
    ) {
        self.init(loop: loop, agenda: EvenAgenda(total: total, over: over, answer: answer), request: request)
    }

    /// Connects to a port of this machine, sends everything, and returns when everything was answered or lost.
    func run(port: Int, connections count: Int) async throws -> LoadReport {
        try await withCheckedThrowingContinuation { continuation in
            loop.execute {
                self.finished = continuation
                do {
                    for _ in 0..<count { try self.connect(port: port) }
                    self.start = .now
                    self.agenda.begin(at: self.start)
                    self.tick()
                } catch {
                    self.finish(.failure(error))
                }
            }
        }
    }

    private func connect(port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(USHER_SOCK_CLOEXEC), 0)
        guard descriptor >= 0 else { throw ReactorError(call: "socket", errno: errno) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, length)
            }
        }
        var on: Int32 = 1
        unsafe setsockopt(
            descriptor,
            Int32(IPPROTO_TCP),
            TCP_NODELAY,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
        guard code == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            let reason = errno
            close(descriptor)
            throw ReactorError(call: "connect", errno: reason)
        }
        let index = connections.count
        connections.append(Connection(descriptor: descriptor))
        connections[index].registration = try loop.register(
            descriptor,
            for: .read,
            handler: self,
            token: UInt64(index)
        )
        idle.append(index)
    }

    // MARK: Sending

    /// Sends what is due each millisecond until everything has been sent.
    private func tick() {
        guard finished != nil else { return }
        send()
        if agenda.isOver { return finishIfDone() }
        guard agenda.isPaced else { return }
        _ = loop.schedule(after: .milliseconds(1)) { self.tick() }
    }

    private func send() {
        let now = MonotonicTime.now
        while let index = idle.last, let (number, due) = agenda.take(at: now) {
            idle.removeLast()
            inFlight += 1
            connections[index].due = due
            connections[index].request = number
            let bytes = request(number)
            let sent = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    connections[index].descriptor,
                    $0.baseAddress,
                    $0.count,
                    Int32(MSG_NOSIGNAL)
                )
            }
            // A connection has one request in flight, for which there is always room.
            if sent != bytes.count { lose(index) }
        }
    }

    // MARK: Answers

    func ready(_ readiness: Readiness, token: UInt64) {
        let index = Int(token)
        let count = unsafe scratch.withUnsafeMutableBytes {
            unsafe recv(connections[index].descriptor, $0.baseAddress, $0.count, 0)
        }
        guard count > 0 else {
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
            return lose(index)
        }
        if connections[index].received.isEmpty {
            if !take(scratch[..<count], of: index) { connections[index].received = Array(scratch[..<count]) }
        } else {
            var whole = connections[index].received
            connections[index].received = []
            whole.append(contentsOf: scratch[..<count])
            if !take(whole[...], of: index) { connections[index].received = whole }
        }
        send()
    }

    /// Counts an answer if it is whole.
    private func take(_ bytes: ArraySlice<UInt8>, of index: Int) -> Bool {
        guard let status = ResponseGlance.status(of: bytes) else { return false }
        let took = MonotonicTime.now - connections[index].due
        report.latencies.add(microseconds: took.nanoseconds / 1000)
        if (200..<300).contains(status) {
            report.successes += 1
            agenda.answered(connections[index].request, bytes)
        } else {
            report.refusals += 1
            agenda.answered(connections[index].request, nil)
        }
        idle.append(index)
        count()
        return true
    }

    private func lose(_ index: Int) {
        let wasBusy = !idle.contains(index)
        idle.removeAll { $0 == index }
        if let registration = connections[index].registration {
            loop.deregister(registration)
            connections[index].registration = nil
            close(connections[index].descriptor)
        }
        guard wasBusy else { return }
        report.lost += 1
        agenda.answered(connections[index].request, nil)
        count()
    }

    private func count() {
        inFlight -= 1
        if idle.isEmpty, connections.allSatisfy({ $0.registration == nil }), !agenda.isOver {
            finish(.failure(Failure("the server closed every connection")))
        } else {
            finishIfDone()
        }
    }

    private func finishIfDone() {
        guard agenda.isOver, inFlight == 0, finished != nil else { return }
        report.took = .now - start
        finish(.success(report))
    }

    private func finish(_ result: Result<LoadReport, any Error>) {
        for connection in connections {
            guard let registration = connection.registration else { continue }
            loop.deregister(registration)
            close(connection.descriptor)
        }
        connections = []
        idle = []
        finished?.resume(with: result)
        finished = nil
    }
}

/// What a load has to know of an answer.
enum ResponseGlance {
    private static let headEnd = Array("\r\n\r\n".utf8)
    private static let length = Array("\r\nContent-Length: ".utf8)

    /// The status of an answer; nil while its end has not come.
    static func status(of bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count > 12, let head = position(of: headEnd, in: bytes) else { return nil }
        var body = 0
        if let field = position(of: length, in: bytes[..<head]) {
            for byte in bytes[(field + length.count)...] {
                guard (48...57).contains(byte) else { break }
                body = body * 10 + Int(byte - 48)
            }
        }
        guard bytes.endIndex >= head + headEnd.count + body else { return nil }
        return bytes[(bytes.startIndex + 9)..<(bytes.startIndex + 12)].reduce(0) { $0 * 10 + Int($1) - 48 }
    }

    /// The text of a string in a JSON body, which must have nothing escaped in it.
    static func string(_ name: String, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let key = Array("\"\(name)\":\"".utf8)
        guard let start = position(of: key, in: bytes) else { return nil }
        let value = bytes[(start + key.count)...]
        return value.prefix { $0 != UInt8(ascii: "\"") }
    }

    /// The whole number of a member in a JSON body.
    static func number(_ name: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let key = Array("\"\(name)\":".utf8)
        guard let start = position(of: key, in: bytes) else { return nil }
        let digits = bytes[(start + key.count)...].prefix { (48...57).contains($0) }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    private static func position(of pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        let last = bytes.endIndex - pattern.count
        guard let first = pattern.first, last >= bytes.startIndex else { return nil }
        return (bytes.startIndex...last).first { start in
            bytes[start] == first && bytes[start..<(start + pattern.count)].elementsEqual(pattern)
        }
    }
}
