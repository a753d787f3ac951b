internal import CLinux
internal import Glibc

/// A detached thread of the system, for what has to block: event loops, signals, name look-ups.
public enum Thread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that runs `body` and ends.
    ///
    /// - Throws: ``ReactorError`` when the system has no more threads.
    public static func start(name: String, _ body: @escaping @Sendable () -> Void) throws {
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(Body(name: name, run: body)).toOpaque()
        let code = unsafe pthread_create(
            &thread,
            nil,
            { @Sendable argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                unsafe pthread_setname_np(pthread_self(), String(body.name.prefix(15)))
                body.run()
                return nil
            },
            argument
        )
        guard code == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(argument).release()
            throw ReactorError(call: "pthread_create", errno: code)
        }
        pthread_detach(thread)
    }

    /// Runs blocking work on a thread of its own and waits for it without blocking the caller's.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: ``ReactorError`` when no thread could be had, or what `body` threw.
    public static func run<Result: Sendable>(
        name: String,
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try start(name: name) { continuation.resume(with: Swift.Result { try body() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
