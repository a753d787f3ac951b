internal import BoxOffice
internal import Telemetry

/// Has the promises looked at, in the background, while anybody asks how they stand.
final class LightKeeper: Sendable {
    private let lights: AuditLights
    private let logger: Logger
    private let asked: AsyncStream<Void>
    private let ask: AsyncStream<Void>.Continuation

    init(lights: AuditLights, logger: Logger) {
        self.lights = lights
        self.logger = logger
        (asked, ask) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The lights as they are; those that are old are looked at soon.
    func read() async throws -> [AuditLights.Light] {
        ask.yield()
        return try await lights.read()
    }

    /// Looks when somebody has asked, until the task is cancelled.
    func run() async {
        for await _ in asked {
            do {
                try await lights.look()
            } catch  where !Task.isCancelled {
                logger.warning("could not look at the promises", ["error": "\(error)"])
            } catch {
                return
            }
        }
    }
}
