internal import Jobs
public import Postgres

/// One thing a run can wait for, and what it makes of it; see ``WorkflowContext/first(_:)``.
public struct Wait<Wake: Sendable>: Sendable {
    enum Condition: Sendable {
        case event(String)
        case after(Duration)
        case until(PostgresTimestamp)
    }

    let condition: Condition
    /// What ends the run when this comes first.
    var expiry: (@Sendable (Activation) throws -> Expiry)?
    let wake: @Sendable (JSONB) throws -> Wake
}

/// Waits for an event of this key.
public func on<Payload, Wake: Sendable>(
    _ key: EventKey<Payload>,
    _ wake: @escaping @Sendable (Payload) -> Wake
) -> Wait<Wake> {
    Wait(condition: .event(key.name)) { json in
        wake(try JSONCoding.decode(Payload.self, from: json, what: "event \(key.name)"))
    }
}

/// Waits for a time to pass, counted from the first time the run gets here.
public func after<Wake: Sendable>(
    _ delay: Duration,
    _ wake: @escaping @Sendable () -> Wake
) -> Wait<Wake> {
    Wait(condition: .after(delay)) { _ in wake() }
}

/// Waits for an instant of the database's clock.
public func until<Wake: Sendable>(
    _ instant: PostgresTimestamp,
    _ wake: @escaping @Sendable () -> Wake
) -> Wait<Wake> {
    Wait(condition: .until(instant)) { _ in wake() }
}
