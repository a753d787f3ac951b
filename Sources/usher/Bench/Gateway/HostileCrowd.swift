internal import CLinux
internal import Glibc
internal import HTTP
internal import Reactor

/// The hostile connections of one loop; one that is closed is opened again, a few at a time.
final class HostileCrowd: ReadinessHandler, @unchecked Sendable {
    // Sendable: everything but the tally is touched on the loop's thread only.

    struct Tally: Sendable {
        /// Connections that stand now.
        var open = 0
        /// Closed by the server, with what it answered first.
        var closed = 0
        var answers: [Int: Int] = [:]
    }

    private struct Slot {
        var descriptor: Int32 = -1
        var registration: Registration?
        var sent = 0
        var heard = false
    }

    private static let opensAtOnce = 512

    let tally = Lock(Tally())
    private let loop: EventLoop
    private let kind: HostileKind
    private let address: SocketAddress
    private let sources: [SocketAddress]
    private let opening: [UInt8]
    private let count: Int
    private var slots: [Slot] = []
    private var closed: [Int] = []
    private var nextSource = 0
    private var isStopped = false
    private var bytes = [UInt8](repeating: 0, count: 65_536)

    init(
        loop: EventLoop,
        kind: HostileKind,
        room: String,
        address: SocketAddress,
        sources: [SocketAddress],
        count: Int
    ) {
        (self.loop, self.kind, self.address, self.sources, self.count) = (loop, kind, address, sources, count)
        opening = kind.opening(room: room)
    }

    func start() {
        loop.execute { [self] in
            slots = Array(repeating: Slot(), count: count)
            closed = Array(0..<count)
            beat()
        }
    }

    func stop() {
        loop.execute { [self] in
            isStopped = true
            for index in slots.indices { drop(index) }
        }
    }

    /// Opens what is closed, and drips; four times a second.
    private func beat() {
        guard !isStopped else { return }
        for _ in 0..<min(Self.opensAtOnce, closed.count) { open(closed.removeLast()) }
        if kind.drips {
            for index in slots.indices where slots[index].sent == opening.count && index % 4 == turn {
                var byte = UInt8(ascii: "x")
                unsafe send(slots[index].descriptor, &byte, 1, Int32(MSG_NOSIGNAL))
            }
            turn = (turn + 1) % 4
        }
        _ = loop.schedule(after: .milliseconds(250)) { [weak self] in self?.beat() }
    }

    private var turn = 0

    private func open(_ index: Int) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(USHER_SOCK_NONBLOCK) | Int32(USHER_SOCK_CLOEXEC)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return closed.append(index) }
        var on: Int32 = 1
        unsafe setsockopt(
            descriptor,
            Int32(IPPROTO_IP),
            IP_BIND_ADDRESS_NO_PORT,
            &on,
            socklen_t(MemoryLayout<Int32>.size)
        )
        let source = sources[nextSource % sources.count]
        nextSource += 1
        _ = unsafe source.withSystemAddress { unsafe bind(descriptor, $0, $1) }
        let result = unsafe address.withSystemAddress { unsafe connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS,
            let registration = try? loop.register(
                descriptor,
                for: self.kind.reads ? [.read, .write] : .write,
                handler: self,
                token: UInt64(index)
            )
        else {
            Glibc.close(descriptor)
            return closed.append(index)
        }
        slots[index] = Slot(descriptor: descriptor, registration: registration)
        tally.withLock { $0.open += 1 }
    }

    func ready(_ readiness: Readiness, token: UInt64) {
        let index = Int(token)
        guard slots[index].descriptor >= 0 else { return }
        if readiness.contains(.read), kind.reads {
            let read = unsafe recv(slots[index].descriptor, &bytes, bytes.count, 0)
            if read == 0 || (read < 0 && errno != EAGAIN) { return lost(index) }
            // HTTP/1.1 408
            if read > 12, !slots[index].heard {
                slots[index].heard = true
                let status = Int(String(decoding: bytes[9..<12], as: UTF8.self)) ?? 0
                tally.withLock { $0.answers[status, default: 0] += 1 }
            }
        }
        if readiness.contains(.failed) { return lost(index) }
        if readiness.contains(.write) { push(index) }
    }

    private func push(_ index: Int) {
        let start = slots[index].sent
        let sent = unsafe opening[start...].withUnsafeBufferPointer {
            unsafe send(slots[index].descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if sent < 0 {
            if errno != EAGAIN { lost(index) }
            return
        }
        slots[index].sent += sent
        if slots[index].sent == opening.count, let registration = slots[index].registration {
            try? loop.update(registration, for: kind.reads ? .read : [])
        }
    }

    private func lost(_ index: Int) {
        drop(index)
        tally.withLock { $0.closed += 1 }
        closed.append(index)
    }

    private func drop(_ index: Int) {
        guard slots[index].descriptor >= 0 else { return }
        if let registration = slots[index].registration { loop.deregister(registration) }
        Glibc.close(slots[index].descriptor)
        slots[index] = Slot()
        tally.withLock { $0.open -= 1 }
    }
}
