internal import Telemetry

/// One call of a command: what it was given and how it is told to end.
struct Invocation: Sendable {
    /// The words that called it, as in `usher keys add`.
    let path: String
    let arguments: Arguments
    let environment: [String: String]
    let stop: StopRequest

    /// Logs under a part's name.
    func logger(_ label: String) -> Logger {
        Logger(label: label)
    }
}
