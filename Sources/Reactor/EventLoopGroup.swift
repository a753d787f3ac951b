internal import Synchronization

/// A fixed number of event loops, handed out in turn.
public final class EventLoopGroup: Sendable {
    /// The loops, in the order they were started.
    public let loops: [EventLoop]
    /// Whether each has a descriptor table of its own.
    public let haveOwnDescriptors: Bool
    private let turn = Atomic<Int>(0)

    /// Starts `count` loops.
    ///
    /// - Parameters:
    ///   - count: one or more.
    ///   - name: what their threads' names begin with.
    ///   - ownDescriptors: gives each a descriptor table of its own; see ``EventLoop/init(name:ownDescriptors:)``.
    /// - Throws: ``ReactorError`` when the system has no more descriptors or threads.
    public init(count: Int, name: String = "loop", ownDescriptors: Bool = false) throws {
        precondition(count > 0, "an event loop group needs a loop")
        haveOwnDescriptors = ownDescriptors
        loops = try (0..<count).map { try EventLoop(name: "\(name)-\($0)", ownDescriptors: ownDescriptors) }
    }

    /// The next loop in turn.
    public func next() -> EventLoop {
        loops[turn.wrappingAdd(1, ordering: .relaxed).oldValue % loops.count]
    }

    /// Stops every loop once it has done what it was given before.
    public func stop() {
        for loop in loops { loop.stop() }
    }
}
