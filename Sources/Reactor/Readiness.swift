internal import CLinux

/// What a descriptor is watched for, and what was seen on it.
public struct Readiness: OptionSet, Sendable {
    /// The epoll bits.
    public let rawValue: UInt32

    /// Makes a set from epoll bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// There is something to read, or a connection to accept.
    public static let read = Self(rawValue: UInt32(USHER_EPOLLIN))
    /// There is room to write.
    public static let write = Self(rawValue: UInt32(USHER_EPOLLOUT))
    /// The other side shut down its writing half.
    ///
    /// Reported only where asked for.
    public static let peerClosed = Self(rawValue: UInt32(USHER_EPOLLRDHUP))
    /// An error or a hang-up.
    ///
    /// Always reported, whether asked for or not.
    public static let failed = Self(rawValue: UInt32(USHER_EPOLLERR | USHER_EPOLLHUP))
}

/// Hears, on its loop's thread, that a watched descriptor is ready.
public protocol ReadinessHandler: AnyObject {
    /// Called once per wake-up while the descriptor stays ready (level-triggered).
    ///
    /// - Parameters:
    ///   - readiness: what was seen.
    ///   - token: the number given when the descriptor was registered.
    func ready(_ readiness: Readiness, token: UInt64)
}

/// A descriptor being watched by a loop.
///
/// Stale ones are recognised by their generation and do nothing.
public struct Registration: Sendable, Hashable {
    let slot: UInt32
    let generation: UInt32
}

/// A timer that was scheduled on a loop.
public struct TimerID: Sendable, Hashable {
    let sequence: UInt64
}
