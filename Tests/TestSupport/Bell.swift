/// Rung whenever something may have changed, by whoever changes it; one at a time waits for it.
///
/// What was rung before somebody waited is not lost: they look once more at once.
package final class Bell: Sendable {
    private let (rings, ringer) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    package init() {}

    /// Something may have changed.
    package func ring() { ringer.yield() }

    /// Looks now, and after each ring, until it is so; the suite has the limit.
    ///
    /// - Throws: What looking throws; `CancellationError`.
    package func wait(until isSo: () async throws -> Bool) async throws {
        var waiting = rings.makeAsyncIterator()
        while try await !isSo() {
            guard await waiting.next() != nil else { throw CancellationError() }
        }
    }
}
