internal import Foundation
internal import Reactor
internal import Telemetry

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// Requests to servers that are not ours: payment providers and webhooks.
///
/// The process has one URLSession, made once and never invalidated: on Linux, taking a session down while its
/// sockets close is a long-known crash, and a session of its own per request multiplies its chances.
struct OutboundHTTP: Sendable {
    private static let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 64
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        return URLSession(configuration: configuration)
    }()

    /// How long the other side may be silent.
    let timeout: Duration

    /// Sends a request and reads the whole answer.
    ///
    /// - Throws: what URLSession throws: nothing is then known of what the other side did.
    func send(_ request: URLRequest) async throws -> (status: Int, body: Data) {
        var request = request
        request.timeoutInterval =
            Double(timeout.components.seconds) + Double(timeout.components.attoseconds) * 1e-18
        if let trace = TraceContext.current {
            request.setValue(trace.description, forHTTPHeaderField: "traceparent")
        }
        let call = Call()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let task = Self.session.dataTask(with: request) { data, response, error in
                    if let response = response as? HTTPURLResponse {
                        continuation.resume(returning: (response.statusCode, data ?? Data()))
                    } else {
                        continuation.resume(throwing: error ?? URLError(.badServerResponse))
                    }
                }
                call.start(task)
            }
        } onCancel: {
            call.cancel()
        }
    }
}

/// A task that may be cancelled before it exists.
private final class Call: Sendable {
    private struct State {
        var task: URLSessionDataTask?
        var cancelled = false
    }

    private let state = Lock(State())

    func start(_ task: URLSessionDataTask) {
        let cancelled = state.withLock { state in
            state.task = task
            return state.cancelled
        }
        // A task that was never resumed would never call back; resumed and cancelled, it does.
        task.resume()
        if cancelled { task.cancel() }
    }

    func cancel() {
        let task = state.withLock { state in
            state.cancelled = true
            return state.task
        }
        task?.cancel()
    }
}
