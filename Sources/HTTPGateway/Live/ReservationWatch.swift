internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// What reservations do, told to the channels that have shown their admission token.
///
/// All that one loop is to look at is read in one statement, each by its primary key; one that has ended is not looked at
/// again.
final class ReservationWatch: Sendable {
    /// How many a channel may follow; one more takes the place of the oldest.
    private static let atMost = 4
    /// How often a reservation is looked at.
    private static let lookEvery = Duration.seconds(2)
    /// How many are looked at in one statement; the others' turn comes with the next tick.
    private static let looks = 1_000
    /// A hold that ends sooner is said to expire.
    static let expiringWithin = Duration.seconds(60)

    private let loops: [Followed]
    private let read: @Sendable ([ReservationID]) async throws -> [ReservationView]
    private let now: @Sendable () -> PostgresTimestamp

    /// - Parameters:
    ///   - loops: how many there are.
    ///   - now: the database's time.
    ///   - read: reads reservations.
    init(
        loops: Int,
        now: @escaping @Sendable () -> PostgresTimestamp,
        read: @escaping @Sendable ([ReservationID]) async throws -> [ReservationView]
    ) {
        self.loops = (0..<loops).map { _ in Followed() }
        self.read = read
        self.now = now
    }

    /// Has what this reservation does told to this channel, beginning with the next tick, which reads for all who came.
    func follow(_ id: ReservationID, _ admission: AdmissionID, _ channel: Channel, _ loop: ChannelLoop) {
        let followed = loops[loop.index]
        var list = followed.byChannel[channel, default: []].filter { $0.id != id }
        if list.count >= Self.atMost { list.removeFirst() }
        list.append(Follower(id: id, admission: admission))
        followed.byChannel[channel] = list
    }

    /// The channel is gone.
    func forget(_ channel: Channel, _ loop: ChannelLoop) {
        loops[loop.index].byChannel[channel] = nil
    }

    /// Looks at what is due; called on each loop, about once a second.
    func tick(on loop: ChannelLoop) {
        let followed = loops[loop.index]
        let time = MonotonicTime.now
        var due: [ReservationID] = []
        for (channel, list) in followed.byChannel {
            for index in list.indices where list[index].lookAt <= time && due.count < Self.looks {
                due.append(list[index].id)
                followed.byChannel[channel]?[index].lookAt = time + Self.lookEvery
            }
        }
        guard !due.isEmpty else { return }
        let wanted = Array(Set(due))
        Task { [self] in
            // What can't be read now is read in two seconds.
            guard let views = try? await read(wanted) else { return }
            let found = Dictionary(views.map { ($0.id, $0) }) { $1 }
            loop.later { self.tell(found, of: wanted, loop) }
        }
    }

    private func tell(
        _ found: [ReservationID: ReservationView],
        of wanted: [ReservationID],
        _ loop: ChannelLoop
    ) {
        let followed = loops[loop.index]
        let asked = Set(wanted)
        for (channel, list) in followed.byChannel {
            var kept: [Follower] = []
            for var follower in list {
                guard asked.contains(follower.id) else {
                    kept.append(follower)
                    continue
                }
                guard let view = found[follower.id], view.admission == follower.admission else {
                    loop.send(LiveDocument.refusal(.unknownReservation), to: channel)
                    continue
                }
                let isExpiring = view.state == .held && view.expiresAt - now() < Self.expiringWithin
                let said = Follower.Said(view: view, isExpiring: isExpiring)
                if said != follower.said {
                    loop.send(LiveDocument.reservation(view, isExpiring: isExpiring), to: channel)
                    follower.said = said
                }
                if view.state.isLive { kept.append(follower) }
            }
            followed.byChannel[channel] = kept.isEmpty ? nil : kept
        }
    }
}

/// A reservation that a channel follows.
private struct Follower {
    struct Said: Equatable {
        var view: ReservationView
        var isExpiring: Bool
    }

    let id: ReservationID
    let admission: AdmissionID
    var said: Said?
    var lookAt = MonotonicTime(nanoseconds: 0)
}

/// What the channels of one loop follow.
private final class Followed: @unchecked Sendable {
    // Sendable: touched on its loop's thread only.
    var byChannel: [Channel: [Follower]] = [:]
}
