internal import Jobs
internal import Postgres
package import Workflows

/// Delivers one notification, as often as it takes and no longer than it is worth telling.
package struct Notify: Workflow {
    package static let name = "notify"
    package static let queue = "notifications"

    /// What became of a notification.
    package enum Outcome: String, Sendable, Codable {
        case sent, dropped, failed, missing
    }

    let channel: any NotificationChannel

    package init(channel: any NotificationChannel) {
        self.channel = channel
    }

    /// Each provider has its queue, so that each has its own limits.
    package static func queue(for channel: MessageTemplate.Channel) -> String {
        "\(queue).\(channel.rawValue)"
    }

    private static func queue(for message: OutgoingMessage) -> String {
        message.route.map { queue(for: $0.channel) } ?? queue
    }

    /// Why the message will never be taken; nil when it was.
    private static func refusal(
        of message: OutgoingMessage,
        by channel: any NotificationChannel
    ) async throws -> String? {
        do {
            try await channel.deliver(message)
            return nil
        } catch let refused as MessageRefused {
            return refused.description
        }
    }

    /// `dedupeKey`: names the row, which is committed before the run starts.
    package func run(_ context: WorkflowContext, _ dedupeKey: String) async throws -> Outcome {
        switch try await context.step(TakeNotification(dedupeKey: dedupeKey)) {
        case .missing: return .missing
        case .settled(let outcome): return outcome
        case .stale: return .dropped
        case .deliver(let message):
            do {
                let refusal = try await context.effect(
                    "deliver",
                    queue: Self.queue(for: message),
                    retry: .exponential(max: 10),
                    timeout: .seconds(20)
                ) { _ in try await Self.refusal(of: message, by: channel) }
                if let refusal {
                    _ = try await context.step(
                        SettleNotification(id: message.id, outcome: .failed, detail: refusal)
                    )
                    return .failed
                }
            } catch let suspended as WorkflowSuspended {
                throw suspended
            } catch {
                _ = try await context.step(
                    SettleNotification(id: message.id, outcome: .failed, detail: "\(error)")
                )
                return .failed
            }
            _ = try await context.step(SettleNotification(id: message.id, outcome: .sent))
            return .sent
        }
    }
}

/// Reads what is to be delivered, and drops what came too late.
struct TakeNotification: CohortStep {
    static let name = "take"

    enum Taken: Sendable, Codable {
        case deliver(OutgoingMessage)
        case stale
        case settled(Notify.Outcome)
        case missing
    }

    let dedupeKey: String

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Taken] {
        let keys = batch.map(\.step.dedupeKey).sorted()
        let rows = try await transaction.query(
            Query(
                "notifications.take",
                """
                WITH wanted AS MATERIALIZED (
                    SELECT n.id FROM notification_keys k JOIN notifications n ON n.id = k.notification_id
                    WHERE k.dedupe_key = ANY (\(keys)) ORDER BY n.id FOR UPDATE OF n
                )
                UPDATE notifications AS n
                SET attempts = n.attempts + 1,
                    state = CASE WHEN is_stale THEN 'dropped' ELSE n.state END,
                    detail = CASE WHEN is_stale THEN why ELSE n.detail END,
                    settled_at = CASE WHEN is_stale THEN usher_now() ELSE n.settled_at END
                FROM wanted JOIN notifications w ON w.id = wanted.id
                    LEFT JOIN on_sales o ON o.on_sale_id = w.on_sale_id
                    CROSS JOIN LATERAL (SELECT CASE
                        WHEN w.not_after < usher_now() THEN 'too late'
                        WHEN w.telling < o.tellings THEN 'superseded'
                        WHEN w.kind IN ('turn', 'nearly', 'missed', 'paused') AND o.state = 'cancelled' THEN 'called off'
                        WHEN w.kind IN ('nearly', 'missed') AND o.state <> 'admitting' THEN 'nobody is called any more'
                        WHEN w.kind = 'paused' AND o.paused_at IS NULL THEN 'it goes on'
                        END) AS reason (why)
                    CROSS JOIN LATERAL (SELECT w.state = 'pending' AND why IS NOT NULL) AS verdict (is_stale)
                WHERE n.id = wanted.id
                RETURNING n.dedupe_key, n.state, n.id, n.kind, n.recipient, n.payload, n.on_sale_id, n.arrival,
                    n.not_after
                """
            )
        )
        var taken: [String: Taken] = [:]
        var pending: [(key: String, message: OutgoingMessage, about: Addressing.About)] = []
        var ends: [Int64: PostgresTimestamp] = [:]
        for row in rows {
            let state: String = try row[1]
            let payload: JSONB = try row[5]
            let message = OutgoingMessage(
                id: try row[2],
                kind: try row[3],
                recipient: try row[4],
                payload: payload.text
            )
            switch state {
            case "pending":
                let about = Addressing.About(message, onSale: try row[6], arrival: try row[7])
                pending.append((try row[0], message, about))
                ends[message.id] = try row[8]
            case "dropped": taken[try row[0]] = .stale
            default: taken[try row[0]] = .settled(Notify.Outcome(rawValue: state) ?? .failed)
            }
        }
        let over = try await ExpiringHolds.over(
            pending.map { ($0.message, ends[$0.message.id]) },
            in: transaction
        )
        if !over.isEmpty {
            _ = try await transaction.execute(ExpiringHolds.drop(over))
            for member in pending where over.contains(member.message.id) { taken[member.key] = .stale }
            pending.removeAll { over.contains($0.message.id) }
        }
        let routes = try await Addressing.routes(pending.map { ($0.message, $0.about) }, in: &transaction)
        for (member, route) in zip(pending, routes) {
            switch route {
            case .nobody: taken[member.key] = .stale
            case .machines: taken[member.key] = .deliver(member.message)
            case .person(let route):
                var message = member.message
                message.route = route
                taken[member.key] = .deliver(message)
            }
        }
        return batch.map { taken[$0.step.dedupeKey] ?? .missing }
    }
}

/// Writes how deliveries ended.
struct SettleNotification: CohortStep {
    static let name = "settle"

    let id: Int64
    let outcome: Notify.Outcome
    var detail: String?

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Bool] {
        let steps = batch.map(\.step).sorted { $0.id < $1.id }
        _ = try await transaction.execute(
            Query(
                "notifications.settle",
                """
                WITH settled AS (
                    UPDATE notifications AS n SET state = c.state, detail = c.detail, settled_at = usher_now()
                    FROM unnest(\(steps.map(\.id)), \(steps.map(\.outcome.rawValue)), \(steps.map(\.detail)))
                        AS c (id, state, detail)
                    WHERE n.id = c.id AND n.state = 'pending'
                    RETURNING n.id, n.on_sale_id, n.kind, n.state, n.settled_at
                )
                INSERT INTO facts (on_sale_id, recorded_at, kind, data)
                SELECT s.on_sale_id, s.settled_at,
                    CASE s.state WHEN 'sent' THEN \(NotificationFacts.sent) ELSE \(NotificationFacts.failed) END,
                    jsonb_build_object('notification', s.id, 'about', s.kind)
                FROM settled s WHERE s.on_sale_id IS NOT NULL AND s.state IN ('sent', 'failed') ORDER BY s.id
                """
            )
        )
        return batch.map { _ in true }
    }
}
