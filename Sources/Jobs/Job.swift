public import Postgres

/// Work that needs no checkpoints: one go, tried again when it fails.
///
/// ```swift
/// struct Resize: Job {
///     static let name = "resize"
///     static let timeout: Duration? = .seconds(60)
///     func perform(_ context: JobContext, _ image: ImageID) async throws -> Size { … }
/// }
/// ```
/// A registered job is an instance, so that what it depends on is a stored property.
public protocol Job: JobDefinition {
    /// What it is enqueued with.
    associatedtype Input
    /// What it returns, kept as the job's output; `Void` keeps nothing, and costs nothing.
    associatedtype Output: Sendable = Void
    /// How long one go may take; its task is then cancelled, and the attempt counts as failed. Nil is for ever.
    static var timeout: Duration? { get }
    /// How long code that was cancelled may take to notice, before its end is written without it.
    static var grace: Duration { get }
    /// Does the work. It may run more than once; `context.id` makes a good idempotency key.
    ///
    /// - Throws: a ``JobVerdict`` to say what is to happen, or anything else to be tried again as ``JobDefinition/retry``
    ///   says.
    func perform(_ context: JobContext, _ input: Input) async throws -> Output
}

extension Job {
    /// No limit.
    public static var timeout: Duration? { nil }
    /// Five seconds.
    public static var grace: Duration { .seconds(5) }
}

/// A job whose effects are in the database, and happen exactly once.
///
/// Its code works in the transaction that ends the job, fenced by the claim: if that was taken away, or the code throws,
/// nothing is kept. Jobs that were claimed together share one transaction, in turn. So it does no I/O but its
/// transaction, and it may run more than once before it commits. Cancellation does not interrupt it.
public protocol TransactionalJob: JobDefinition {
    /// What it is enqueued with.
    associatedtype Input
    /// What it returns, kept as the job's output; `Void` keeps nothing.
    associatedtype Output: Sendable = Void
    /// Does the work in the transaction that ends the job.
    ///
    /// - Throws: a ``JobVerdict`` or anything else; what it did in the transaction is undone.
    func perform(
        _ context: JobContext,
        _ input: Input,
        in transaction: inout Transaction
    ) async throws -> Output
}

/// Code that takes all jobs of its name that one claim brought in, in the one transaction that ends them.
///
/// ```swift
/// struct CountViews: BatchJob {
///     static let name = "count-views"
///     func perform(_ batch: [BatchItem<View>], in tx: inout Transaction) async throws -> [BatchOutcome] {
///         try await tx.execute(Query("views", "INSERT INTO views … unnest(\(batch.map(\.input.page)))"))
///         return batch.map { _ in .done }
///     }
/// }
/// ```
/// Its effects happen exactly once. If it throws, nothing is kept and the batch comes again by halves, down to one, so
/// that a bad job fails alone. Cancellation does not interrupt it.
public protocol BatchJob: JobDefinition {
    /// What each is enqueued with.
    associatedtype Input
    /// Does the work of the whole batch.
    ///
    /// - Returns: how each ended, in the batch's order. The transaction commits, also for those that failed.
    /// - Throws: anything; nothing of the batch is kept.
    func perform(
        _ batch: [BatchItem<Input>],
        in transaction: inout Transaction
    ) async throws -> [BatchOutcome]
}

/// One job of a batch.
public struct BatchItem<Input: Sendable>: Sendable {
    /// What the job knows of itself.
    public let context: JobContext
    /// What it was enqueued with.
    public let input: Input

    package init(context: JobContext, input: Input) {
        self.context = context
        self.input = input
    }
}

/// How one job of a batch ended.
public enum BatchOutcome: Sendable {
    /// Well.
    case done
    /// Well, with an output to keep.
    case output(JSONB)
    /// With an error, or a ``JobVerdict``, as if its code had thrown it.
    case failed(any Error)
}
