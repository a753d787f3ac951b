internal import Reactor
internal import Telemetry

/// What a listener hears.
public enum NotificationEvent: Sendable, Hashable {
    /// Listening begins, or begins again after the connection was lost: whatever was said before is gone, so look
    /// for yourself.
    case reconnected
    /// Somebody said something with NOTIFY.
    case notification(channel: String, payload: String)
}

/// Notifications of some channels, on a connection of their own, which is made again whenever it breaks.
///
/// Behind a pooler it connects to the server itself; where that is not known, nothing is ever heard. It ends only with
/// its task:
/// ```swift
/// for await event in client.listen(["usher_ready"]) { … }
/// ```
public struct NotificationStream: AsyncSequence, Sendable {
    /// What a listener hears.
    public typealias Element = NotificationEvent
    /// It never fails.
    public typealias Failure = Never

    /// Where the server itself is; nil when only a pooler can be reached.
    let configuration: PostgresConfiguration?
    let loops: EventLoopGroup
    let channels: [String]
    let logger: Logger

    /// Begins to listen with the first call of `next()`.
    public func makeAsyncIterator() -> Iterator {
        Iterator(listener: Listener(self))
    }

    /// One listener with its connection, which is closed when the iterator goes away.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let listener: Listener

        /// Waits for something to hear.
        ///
        /// - Returns: nil when the task is cancelled.
        public mutating func next() async -> NotificationEvent? {
            await listener.next()
        }

        /// Waits for something to hear, on an actor.
        ///
        /// - Returns: nil when the task is cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> NotificationEvent? {
            await listener.next()
        }
    }

    fileprivate final class Listener {
        private static let firstBackoff = Duration.milliseconds(50)
        private static let longestBackoff = Duration.seconds(5)

        private let stream: NotificationStream
        private var connection: PostgresConnection?
        private var backoff = firstBackoff

        init(_ stream: NotificationStream) {
            self.stream = stream
        }

        deinit {
            connection?.close()
        }

        func next() async -> NotificationEvent? {
            guard let configuration = stream.configuration else {
                await Self.endOfTask()
                return nil
            }
            while !Task.isCancelled {
                do {
                    guard let connection else {
                        connection = try await connect(configuration)
                        backoff = Self.firstBackoff
                        return .reconnected
                    }
                    let heard = try await connection.nextNotification()
                    return .notification(channel: heard.channel, payload: heard.payload)
                } catch {
                    let wasConnected = connection != nil
                    connection?.close()
                    connection = nil
                    if Task.isCancelled { break }
                    stream.logger.debug("lost the connection that listens", ["reason": "\(error)"])
                    // The first new attempt comes at once: most often the server has just been restarted.
                    guard !wasConnected else { continue }
                    try? await Task.sleep(for: backoff)
                    backoff = Swift.min(backoff * 2, Self.longestBackoff)
                }
            }
            connection?.close()
            connection = nil
            return nil
        }

        /// Waits until the task is cancelled.
        private static func endOfTask() async {
            let (never, _) = AsyncStream.makeStream(of: Never.self)
            for await _ in never {}
        }

        private func connect(_ configuration: PostgresConfiguration) async throws -> PostgresConnection {
            let connection = PostgresConnection(configuration: configuration, loop: stream.loops.next())
            do {
                try await connection.open()
                let listens = stream.channels.map { Query("listen", "LISTEN \(identifier: $0)") }
                _ = try await connection.run(listens)
                return connection
            } catch {
                connection.close()
                throw error
            }
        }
    }
}

extension PostgresClient {
    /// Listens to channels, on a connection of its own outside of the pool.
    ///
    /// Behind a pooler it is a connection to the server itself, see ``PostgresConfiguration/listenDirectly(at:)``; where
    /// nobody said where that is, nothing is ever heard.
    ///
    /// - Parameter channels: names as `NOTIFY` has them; upper and lower case differ.
    /// - Returns: what is heard, until the task that iterates is cancelled.
    public func listen(_ channels: [String]) -> NotificationStream {
        NotificationStream(
            configuration: configuration.direct,
            loops: pool.loops,
            channels: channels,
            logger: pool.logger
        )
    }
}
