internal import BoxOffice
internal import EventLog
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// Those who follow the event log as server-sent events.
///
/// An event's id is its number in the log, so a client that comes back with the last one that it has seen misses nothing.
/// What is read waits until the client has taken what was read before: a slow one costs a page of memory, whatever it is behind.
final class EventStreams: ChannelHandler {
    /// What somebody follows.
    struct Wish: Sendable {
        /// Told of what is behind this number.
        var position: Int64
        /// Told of these alone; nil is all.
        let onSales: [Int64]?
        /// Whether they may go on; throws like a call of theirs would.
        let recheck: @Sendable () async throws -> Void
    }

    private static let page = 100
    /// Waits at the log's end for so long before it looks whether the key is still good.
    private static let wait = Duration.seconds(10)
    /// How long a client has that has not taken what it was sent.
    private static let patience = Duration.milliseconds(20)
    /// What failed is tried again after so long.
    private static let pause = Duration.seconds(1)

    private let tail: FactTail
    private let loops: [Followers]
    private let open: Gauge
    private let logger: Logger

    init(loops: Int, tail: FactTail, metrics: MetricsRegistry, logger: Logger) {
        self.tail = tail
        self.logger = logger
        self.loops = (0..<loops).map { _ in Followers() }
        open = metrics.gauge("usher_event_streams", help: "Programs that follow the event log as a stream.")
    }

    /// Makes an offer to tell of what is wished for.
    func offer(_ wish: Wish) -> ChannelOffer {
        ChannelOffer(.eventStream, subject: 0, handler: self) { [self] channel, loop in
            loops[loop.index].byChannel[channel] = Follower(wish: wish)
            read(for: channel, loop)
        }
    }

    // MARK: Channels

    func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop) { open.add(1) }

    func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop) {}

    func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
        open.add(-1)
        loops[loop.index].byChannel.removeValue(forKey: channel)?.work?.cancel()
    }

    func draining(on loop: ChannelLoop) {}

    // MARK: Reading and telling

    private func read(for channel: Channel, _ loop: ChannelLoop) {
        guard let follower = loops[loop.index].byChannel[channel] else { return }
        let wish = follower.wish
        loops[loop.index].byChannel[channel]?.work = Task { [self] in
            do {
                try await wish.recheck()
                let found = try await tail.read(
                    after: wish.position,
                    onSales: wish.onSales,
                    limit: Self.page,
                    wait: Self.wait
                )
                // Nothing within the time, or on the way to what they follow.
                if found.facts.isEmpty { try await Task.sleep(for: Self.patience) }
                loop.later { self.take(found.facts, next: found.next, for: channel, loop) }
            } catch let problem as Problem where problem.status < 500 {
                loop.later { loop.close(channel, reason: problem.title) }
            } catch {
                guard !Task.isCancelled else { return }
                logger.warning("a stream of events waits", ["error": "\(error)"])
                again(in: Self.pause, on: loop) { self.read(for: channel, loop) }
            }
        }
    }

    private func take(_ facts: [Fact], next: Int64, for channel: Channel, _ loop: ChannelLoop) {
        loops[loop.index].byChannel[channel]?.waiting = facts[...]
        loops[loop.index].byChannel[channel]?.wish.position = next
        tell(channel, loop)
    }

    /// Sends what waits, as far as the client takes it, and reads on when all is sent.
    private func tell(_ channel: Channel, _ loop: ChannelLoop) {
        while let fact = loops[loop.index].byChannel[channel]?.waiting.first {
            let event = CloudEvent(fact, onSale: OnSaleID(rawValue: fact.onSale).publicID)
            guard loop.send(ChannelMessage(event.bytes, id: fact.seq), to: channel, canWait: false) else {
                return again(in: Self.patience, on: loop) { self.tell(channel, loop) }
            }
            loops[loop.index].byChannel[channel]?.waiting.removeFirst()
        }
        read(for: channel, loop)
    }

    private func again(in pause: Duration, on loop: ChannelLoop, _ body: @escaping @Sendable () -> Void) {
        Task {
            try await Task.sleep(for: pause)
            loop.later(body)
        }
    }
}

/// One who follows the log.
private struct Follower {
    var wish: EventStreams.Wish
    /// What was read and not yet sent.
    var waiting: ArraySlice<Fact> = []
    var work: Task<Void, Never>?
}

/// Those on one loop.
private final class Followers: @unchecked Sendable {
    // Sendable: touched on its loop's thread only.
    var byChannel: [Channel: Follower] = [:]
}
