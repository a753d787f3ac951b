internal import Postgres

/// Where an on-sale stands after a step of its lifecycle.
struct OnSaleProgress: Codable, Sendable {
    let state: OnSaleState
    let revision: Int
    /// When to look again; nil when nothing is left to do.
    let next: PostgresTimestamp?
    /// Whether this step made the draw.
    let drawn: Bool
    /// The beacon that the draw waits for and that can be read now.
    let fetch: BeaconRequest?

    /// From one attempt to read the beacon to the next.
    private static let beaconPause = Duration.seconds(3)

    /// Makes the one transition that is due, if any.
    static func advance(_ id: OnSaleID, in tx: inout Transaction) async throws -> OnSaleProgress {
        let gate = try await OnSaleGate.lock(id, in: &tx)
        let opening = gate.state.isOver ? nil : try await TierOpening.openDue(gate, in: &tx)
        func progress(
            _ state: OnSaleState,
            next end: PostgresTimestamp?,
            drawn: Bool = false,
            fetch: BeaconRequest? = nil
        ) -> OnSaleProgress {
            let next = [end, end == nil ? nil : opening].compactMap { $0 }.min()
            return OnSaleProgress(
                state: state,
                revision: gate.revision,
                next: next,
                drawn: drawn,
                fetch: fetch
            )
        }
        switch gate.state {
        case .scheduled where gate.now < gate.opensAt:
            return progress(.scheduled, next: gate.opensAt)
        case .scheduled:
            try await tx.pipeline(open(id) + OnSaleFacts.Opened().append(to: id))
            return progress(.prequeue, next: gate.startsAt)
        case .prequeue where gate.now < gate.startsAt:
            return progress(.prequeue, next: gate.startsAt)
        case .prequeue where gate.entries == nil:
            try await Sealing.seal(id, in: &tx)
            return progress(.prequeue, next: gate.now)
        case .prequeue:
            let ceremony = try await DrawCeremony.read(id, in: &tx)
            guard ceremony.rootedAt != nil else {
                try await Sealing.publishRoot(id, startsAt: gate.startsAt, in: &tx)
                return progress(.prequeue, next: gate.now)
            }
            switch ceremony.step(now: gate.now) {
            case .wait(let instant): return progress(.prequeue, next: instant)
            case .fetch(let request):
                return progress(.prequeue, next: gate.now + Self.beaconPause, fetch: request)
            case .draw:
                try await Sealing.draw(id, ceremony, in: &tx)
                try await tx.pipeline(OnSaleFacts.Started(entries: gate.entries ?? 0).append(to: id))
                return progress(.admitting, next: gate.closesAt, drawn: true)
            }
        case .admitting where gate.now < gate.closesAt, .soldOut where gate.now < gate.closesAt:
            return progress(gate.state, next: gate.closesAt)
        case .admitting, .soldOut:
            try await tx.pipeline(close(id) + OnSaleFacts.Closed().append(to: id))
            return progress(.closed, next: nil)
        case .closed, .cancelled:
            return progress(gate.state, next: nil)
        }
    }

    private static func open(_ id: OnSaleID) -> [Query] {
        [
            Query(
                "on_sale.open",
                "UPDATE on_sales SET state = 'prequeue', seq = seq + 1 WHERE on_sale_id = \(id.rawValue)"
            ),
            Query("on_sale.open_door", "UPDATE arrivals SET door = 'open' WHERE on_sale_id = \(id.rawValue)"),
        ]
    }

    private static func close(_ id: OnSaleID) -> [Query] {
        [
            Query(
                "on_sale.close",
                """
                UPDATE on_sales SET state = 'closed', paused_at = NULL, seq = seq + 1, admission_note = 'closed'
                WHERE on_sale_id = \(id.rawValue)
                """
            ),
            Query(
                "on_sale.shut_door",
                "UPDATE arrivals SET door = 'closed' WHERE on_sale_id = \(id.rawValue)"
            ),
        ]
    }
}
