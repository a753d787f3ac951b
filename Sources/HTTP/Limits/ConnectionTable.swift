internal import Reactor

/// How many connections each client has, exactly, over all loops.
final class ConnectionTable: Sendable {
    private final class Stripe: Sendable {
        let counts = Lock<[UInt64: Int32]>([:])
    }

    private let stripes = (0..<16).map { _ in Stripe() }
    private let limit: Int

    /// - Parameter limit: how many one may have.
    init(limit: Int) {
        self.limit = limit
    }

    /// Counts one more, unless the client has as many as it may.
    func add(_ client: UInt64) -> Bool {
        stripe(client).counts.withLock { counts in
            let count = counts[client, default: 0]
            guard count < limit else { return false }
            counts[client] = count + 1
            return true
        }
    }

    func remove(_ client: UInt64) {
        stripe(client).counts.withLock { counts in
            guard let count = counts[client] else { return }
            counts[client] = count > 1 ? count - 1 : nil
        }
    }

    private func stripe(_ client: UInt64) -> Stripe {
        stripes[Int(truncatingIfNeeded: (client &* 0x9E37_79B9_7F4A_7C15) >> 60)]
    }
}
