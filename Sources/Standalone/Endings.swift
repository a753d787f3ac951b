internal import Dispatch
internal import Glibc

/// What asks a process to end in order.
enum Endings {
    /// Waits for SIGTERM or SIGINT, or until the task is cancelled.
    ///
    /// The next one of the kind ends the process at once: who asks twice doesn't want to wait.
    static func asked() async {
        let (signals, arrived) = AsyncStream.makeStream(of: Void.self)
        let sources = [SIGTERM, SIGINT].map { number in
            // Only what is ignored otherwise comes by way of Dispatch.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { @Sendable in
                signal(number, SIG_DFL)
                arrived.yield()
            }
            source.resume()
            return source
        }
        for await _ in signals { break }
        for source in sources { source.cancel() }
    }
}
