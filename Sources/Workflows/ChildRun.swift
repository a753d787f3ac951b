public import Jobs

/// A run that another run has started and goes on beside; see ``WorkflowContext/spawn(_:_:)``.
///
/// It may be handed to a parent's next go in the input it continues as new with.
public struct ChildRun<Output: Codable & Sendable>: Codable, Sendable, Hashable {
    /// The child's number.
    public let id: JobID
    /// What the parent is told of the child's end by.
    let event: String
}

/// Waits for a child's end, good or bad.
///
/// ```swift
/// let review = try await context.spawn(Review.self, document)
/// let verdict = try await context.first(
///     ended(review) { try? $0.get() },
///     on(Self.overruled) { Optional($0) },
///     after(.seconds(86_400)) { nil }
/// )
/// ```
public func ended<Output, Wake: Sendable>(
    _ child: ChildRun<Output>,
    _ wake: @escaping @Sendable (Result<Output, ChildFailure>) -> Wake
) -> Wait<Wake> {
    Wait(condition: .event(child.event)) { json in
        let what = "the end of run \(child.id)"
        return wake(
            try JSONCoding.decode(ChildEnding<Output>.self, from: json, what: what).result(of: child.id)
        )
    }
}
