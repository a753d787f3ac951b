internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor
internal import Telemetry

/// Everyone who listens to an on-sale, by loop: one tick is laid out once and written to all of them.
///
/// A tick tells the whole state, so a client that comes back needs none that it missed, and one that reads slowly gets the
/// next one only when it has taken the last. What a buyer's own place does goes to those who have shown its token.
final class LiveHub: ChannelHandler {
    /// How many sockets are written to before the loop does something else.
    private static let slice = 512
    /// A tick comes at least so often, so that a client knows that the silence is the line's and not the network's.
    private static let atLeastEvery = Duration.seconds(15)
    /// How many places that only wait are looked at after a tick; the others' turn comes with the next.
    ///
    /// Who waits hears of a new band of minutes every fifteen seconds; where a loop has more than fifteen times as many, later.
    private static let looks = 10_000
    /// How often a place that was called is looked at for those who have shown its token.
    private static let lookEvery = Duration.seconds(2)

    /// Reads the tokens that clients show.
    struct Tokens: Sendable {
        let place: @Sendable (String) throws -> PlaceToken
        let admission: @Sendable (String) throws -> AdmissionToken
    }

    private let board: OnSaleBoard
    private let reservations: ReservationWatch
    private let tokens: Tokens
    private let places: PlaceAnswers
    private let loops: [Audience]
    private let listening: Gauge

    init(
        loops: Int,
        board: OnSaleBoard,
        places: PlaceAnswers,
        reservations: ReservationWatch,
        metrics: MetricsRegistry,
        tokens: Tokens
    ) {
        self.reservations = reservations
        self.board = board
        self.places = places
        self.tokens = tokens
        self.loops = (0..<loops).map { _ in Audience() }
        listening = metrics.gauge("usher_live_channels", help: "WebSockets and event streams that are open.")
    }

    // MARK: Channels

    func opened(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
        listening.add(1)
        let id = OnSaleID(rawValue: subject)
        let audience = loops[loop.index]
        audience.add(channel, to: id)
        guard let onSale = board[id] else { return }
        loop.send(audience.tick(of: onSale, isStale: board.isStale).message, to: channel)
    }

    func closed(_ channel: Channel, subject: Int64, on loop: ChannelLoop) {
        listening.add(-1)
        loops[loop.index].remove(channel, from: OnSaleID(rawValue: subject))
        reservations.forget(channel, loop)
    }

    func received(_ text: [UInt8], on channel: Channel, subject: Int64, loop: ChannelLoop) {
        do {
            switch try LiveDocument.wish(in: text) {
            case .place(let text):
                let token = try tokens.place(text)
                guard token.onSale.rawValue == subject else { throw Problem.wrongPlace }
                show(token, channel, loop)
            case .reservation(let id, let text):
                let token: AdmissionToken
                if let text {
                    token = try tokens.admission(text)
                } else if let kept = loops[loop.index].admissions[channel] {
                    token = kept
                } else {
                    throw Problem.tokenRequired.with(
                        detail: "show the admission token, as in \"token\": \"at_…\""
                    )
                }
                guard let id = ReservationID(publicID: id), token.onSale.rawValue == subject else {
                    throw Problem.unknownReservation
                }
                follow(id, token, channel, loop)
            }
        } catch {
            loop.send(LiveDocument.refusal(Problem(error)), to: channel)
        }
    }

    /// Has what this place does told to this channel.
    func show(_ token: PlaceToken, _ channel: Channel, _ loop: ChannelLoop) {
        loops[loop.index].shown[channel] = Shown(token: token)
        look(at: channel, loop)
    }

    /// Has a channel's messages about reservations need no token: its page keeps it in a cookie.
    func keep(_ token: AdmissionToken, _ channel: Channel, _ loop: ChannelLoop) {
        loops[loop.index].admissions[channel] = token
    }

    /// Has what this reservation does told to this channel.
    func follow(_ id: ReservationID, _ token: AdmissionToken, _ channel: Channel, _ loop: ChannelLoop) {
        reservations.follow(id, token.admission, channel, loop)
    }

    func draining(on loop: ChannelLoop) {
        let audience = loops[loop.index]
        for listeners in audience.listeners.values {
            // Not all in the same moment, wherever they go.
            for channel in listeners {
                loop.send(LiveDocument.bye(retryAfter: .random(in: 500...5_000)), to: channel)
            }
        }
    }

    // MARK: Time

    /// Writes to everyone what has changed; called on each loop, about once a second.
    func tick(on loop: ChannelLoop) {
        let audience = loops[loop.index]
        for id in audience.listeners.keys {
            guard let onSale = board[id] else { continue }
            let tick = audience.tick(of: onSale, isStale: board.isStale)
            guard tick.isNews || audience.toldAt[id].map({ .now - $0 > Self.atLeastEvery }) ?? true else {
                continue
            }
            audience.toldAt[id] = .now
            push(tick.message, audience.listeners[id] ?? [], from: 0, loop)
        }
        lookAround(audience, loop)
        reservations.tick(on: loop)
    }

    /// Looks at the places that may have changed: first at those who were called, however many wait.
    private func lookAround(_ audience: Audience, _ loop: ChannelLoop) {
        let now = MonotonicTime.now
        var boards: [OnSaleID: OnSaleSnapshot] = [:]
        var urgent: [Channel] = []
        var others: [Channel] = []
        for (channel, shown) in audience.shown where shown.lookAt <= now {
            let id = shown.token.onSale
            guard let onSale = boards[id] ?? board[id] else { continue }
            boards[id] = onSale
            // Where the line has been drawn since, the number is known before it was told.
            let number = shown.waitsAt ?? onSale.order?.number(ofArrival: shown.token.arrival)
            let isCalled =
                shown.waits ? number.map { $0 <= onSale.facts.serving } ?? false : !shown.waitsAgain
            if isCalled {
                urgent.append(channel)
            } else if others.count < Self.looks,
                now - shown.saidAt >= Self.atLeastEvery || shown.waitsAgain || onSale.facts.state.isOver
                    || (shown.waitsAt == nil && number != nil)
            {
                others.append(channel)
            }
        }
        look(at: urgent + others, from: 0, loop)
    }

    private func look(at channels: [Channel], from start: Int, _ loop: ChannelLoop) {
        let end = min(start + Self.slice, channels.count)
        let next = MonotonicTime.now + Self.lookEvery
        for channel in channels[start..<end] {
            loops[loop.index].shown[channel]?.lookAt = next
            look(at: channel, loop)
        }
        guard end < channels.count else { return }
        loop.later { self.look(at: channels, from: end, loop) }
    }

    private func push(_ message: ChannelMessage, _ listeners: [Channel], from start: Int, _ loop: ChannelLoop)
    {
        let end = min(start + Self.slice, listeners.count)
        for channel in listeners[start..<end] { loop.send(message, to: channel, canWait: false) }
        guard end < listeners.count else { return }
        loop.later { self.push(message, listeners, from: end, loop) }
    }

    // MARK: One's own place

    /// Tells a channel where its place stands, if that is not what it was told last.
    private func look(at channel: Channel, _ loop: ChannelLoop) {
        guard let shown = loops[loop.index].shown[channel], let onSale = board[shown.token.onSale] else {
            return
        }
        if let standing = places.fromMemory(shown.token, onSale) {
            return tell(standing, onSale, channel, loop)
        }
        guard !shown.isBeingRead else { return }
        loops[loop.index].shown[channel]?.isBeingRead = true
        Task { [self] in
            do {
                let standing = try await places.read(shown.token, onSale)
                loop.later { self.wasRead(standing, onSale, channel, loop) }
            } catch {
                loop.later { self.loops[loop.index].shown[channel]?.isBeingRead = false }
            }
        }
    }

    private func wasRead(
        _ standing: PlaceStanding,
        _ onSale: OnSaleSnapshot,
        _ channel: Channel,
        _ loop: ChannelLoop
    ) {
        loops[loop.index].shown[channel]?.isBeingRead = false
        tell(standing, onSale, channel, loop)
    }

    /// While one waits the tick says all there is; the band of minutes is told anew now and then.
    private func tell(
        _ standing: PlaceStanding,
        _ onSale: OnSaleSnapshot,
        _ channel: Channel,
        _ loop: ChannelLoop
    ) {
        guard var shown = loops[loop.index].shown[channel] else { return }
        let said = Shown.Said(
            state: standing.state,
            number: standing.number,
            turn: standing.turnExpiresAt,
            position: standing.waitlistPosition
        )
        let isOld = MonotonicTime.now - shown.saidAt > Self.atLeastEvery
        guard said != shown.said || isOld else { return }
        let message = LiveDocument.place(shown.token.place, standing, onSale, isStale: board.isStale)
        guard loop.send(message, to: channel, canWait: said != shown.said) else { return }
        shown.said = said
        let isInLine = standing.state == .prequeue || (standing.state == .waiting && !standing.isAgain)
        shown.waits = isInLine
        shown.waitsAt = isInLine ? standing.number : nil
        shown.saidAt = .now
        loops[loop.index].shown[channel] = shown
    }
}

/// A place whose token a channel has shown.
private struct Shown {
    struct Said: Equatable {
        var state: PlaceView.State
        var number: Int64?
        var turn: PostgresTimestamp?
        var position: Int?
    }

    let token: PlaceToken
    var said: Said?
    /// Whether it waits, drawn or not, for its first turn.
    var waits = false
    /// Whether it waits for a turn after that, which no number tells.
    var waitsAgain: Bool { said?.state == .waiting && !waits }
    /// Its number, while it waits and has one.
    var waitsAt: Int64?
    var saidAt = MonotonicTime.now
    var lookAt = MonotonicTime.now
    var isBeingRead = false
}

/// The channels of one loop.
private final class Audience: @unchecked Sendable {
    // Sendable: touched on its loop's thread only.
    private(set) var listeners: [OnSaleID: [Channel]] = [:]
    private var positions: [Channel: Int] = [:]
    var shown: [Channel: Shown] = [:]
    /// What the cookies of those who are inside keep.
    var admissions: [Channel: AdmissionToken] = [:]
    var toldAt: [OnSaleID: MonotonicTime] = [:]
    private var ticks: [OnSaleID: (tag: String, message: ChannelMessage)] = [:]

    func add(_ channel: Channel, to id: OnSaleID) {
        positions[channel] = listeners[id, default: []].count
        listeners[id, default: []].append(channel)
    }

    func remove(_ channel: Channel, from id: OnSaleID) {
        shown[channel] = nil
        admissions[channel] = nil
        guard let position = positions.removeValue(forKey: channel), let last = listeners[id]?.popLast()
        else {
            return
        }
        if last != channel {
            listeners[id]?[position] = last
            positions[last] = position
        }
        if listeners[id]?.isEmpty ?? true {
            listeners[id] = nil
            ticks[id] = nil
            toldAt[id] = nil
        }
    }

    /// What everyone is told now, and whether it is another thing than before.
    func tick(of onSale: OnSaleSnapshot, isStale: Bool) -> (message: ChannelMessage, isNews: Bool) {
        let tag = onSale.status(isStale: isStale).tag
        if let known = ticks[onSale.id], known.tag == tag {
            return (known.message, false)
        }
        let message = LiveDocument.tick(onSale, isStale: isStale)
        ticks[onSale.id] = (tag, message)
        return (message, true)
    }
}
