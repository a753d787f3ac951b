internal import Jobs
public import Postgres

/// The end of a run by a function of SQL when its time comes: no code is driven for it, and thousands that expire
/// together are one call.
///
/// ```swift
/// struct ExpireHold: TimerTransition {
///     static let function = "expire_holds"
///     var hold: Int64
/// }
/// ```
/// A migration of the application's makes the function, which is given the runs and the arguments of each:
/// ```sql
/// CREATE FUNCTION expire_holds(runs bigint[], arguments jsonb[]) RETURNS TABLE (run bigint, output jsonb) …
/// ```
/// It must answer with one row for each run: the run's output, as its workflow's `Output` decodes it, or a null to turn it
/// down and have done nothing for it. Its transaction is that in which the runs end. It is called again for runs of
/// a call that failed, some at a time.
public protocol TimerTransition: Codable, Sendable {
    /// The function's name; with its schema and a dot, if that is not on the search path.
    static var function: String { get }
}

/// Ends the run by a function of SQL, unless something else happens in time; counted from the first time the run gets
/// here.
///
/// ```swift
/// let payment = try await context.first(
///     on(Self.paid) { $0 },
///     expires(after: .seconds(600), by: ExpireHold(hold: hold.id))
/// )
/// ```
/// The code never hears of it: what it had to do then, the function does. An argument is kept as it is encoded, where
/// SQL can read it.
///
/// - Parameters:
///   - delay: until the run expires.
///   - transition: names the function, and is what it is given.
/// - Returns: something to wait for. A function that turns the run down makes it fail.
public func expires<Wake: Sendable>(
    after delay: Duration,
    by transition: some TimerTransition
) -> Wait<Wake> {
    .expiring(.after(delay), by: transition, nil)
}

/// Ends the run by a function of SQL at an instant of the database's clock, unless something else happens in time.
///
/// - Parameters:
///   - instant: when the run expires.
///   - transition: names the function, and is what it is given.
/// - Returns: something to wait for. A function that turns the run down makes it fail.
public func expires<Wake: Sendable>(
    at instant: PostgresTimestamp,
    by transition: some TimerTransition
) -> Wait<Wake> {
    .expiring(.until(instant), by: transition, nil)
}

/// Ends the run by a function of SQL, unless something else happens in time, or the function turns it down; counted
/// from the first time the run gets here.
///
/// - Parameters:
///   - delay: until the run expires.
///   - transition: names the function, and is what it is given.
///   - otherwise: what the code goes on with when the function has answered with a null.
/// - Returns: something to wait for.
public func expires<Wake: Sendable>(
    after delay: Duration,
    by transition: some TimerTransition,
    otherwise: @escaping @Sendable () -> Wake
) -> Wait<Wake> {
    .expiring(.after(delay), by: transition, otherwise)
}

/// Ends the run by a function of SQL at an instant of the database's clock, unless something else happens in time, or
/// the function turns it down.
///
/// - Parameters:
///   - instant: when the run expires.
///   - transition: names the function, and is what it is given.
///   - otherwise: what the code goes on with when the function has answered with a null.
/// - Returns: something to wait for.
public func expires<Wake: Sendable>(
    at instant: PostgresTimestamp,
    by transition: some TimerTransition,
    otherwise: @escaping @Sendable () -> Wake
) -> Wait<Wake> {
    .expiring(.until(instant), by: transition, otherwise)
}

extension Wait {
    fileprivate static func expiring<Transition: TimerTransition>(
        _ condition: Condition,
        by transition: Transition,
        _ otherwise: (@Sendable () -> Wake)?
    ) -> Self {
        let expiry = { @Sendable (activation: Activation) throws -> Expiry in
            // It has failed; a function that called it done would hide that.
            guard activation.unwinding == nil else {
                throw WorkflowError(
                    code: .misuse,
                    message: """
                        run \(activation.job.id) undoes what it did, and can't end by \(Transition.function) \
                        meanwhile; wait with after() or until()
                        """
                )
            }
            let argument = try JSONCoding.encode(transition)
            return Expiry(
                transition: RunTransition(function: Transition.function, argument: argument),
                step: ExpireStep<Transition>(argument: argument, isOptional: otherwise != nil)
            )
        }
        return Wait(condition: condition, expiry: expiry) { _ in
            guard let otherwise else { throw turnedDown(Transition.function) }
            return otherwise()
        }
    }
}

/// Calls a function for all runs of a cohort whose time has come.
private struct ExpireStep<Transition: TimerTransition>: CohortStep {
    static var name: String { Transition.function }

    let argument: JSONB
    let isOptional: Bool

    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [TransitionAnswer] {
        let function = Transition.function
        let outputs: [JSONB?]
        do {
            let call = try RunTransition.call(function, batch.map { ($0.runID, $0.step.argument) })
            outputs = try RunTransition.outputs(
                of: try await transaction.query(call),
                from: function,
                for: batch.map(\.runID)
            )
        } catch {
            throw RunTransition.explained(error, function)
        }
        return try zip(batch, outputs).map { member, output in
            if output == nil, !member.step.isOptional { throw turnedDown(function) }
            return TransitionAnswer(function: function, output: output?.text)
        }
    }
}

/// What a function has made of a run; without an output it has turned it down.
struct TransitionAnswer: Codable, Sendable {
    let function: String
    let output: String?
}

private func turnedDown(_ function: String) -> WorkflowError {
    WorkflowError(
        code: .misuse,
        message: """
            \(function) turned the run down with a null output, and its code can't go on; give \
            expires(after:by:otherwise:) something to go on with
            """
    )
}
