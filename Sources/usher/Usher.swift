internal import Glibc
internal import Reactor
internal import Telemetry

/// The program.
///
/// `main` is synchronous: it blocks signals before any thread exists, starts the command on a task and waits for
/// signals itself.
@main
struct Usher {
    /// Signals that ask the program to end in order.
    private static let endings = [SIGINT, SIGTERM, SIGHUP]

    static func main() {
        let environment = currentEnvironment()
        let parser = CommandParser(root: .usher, environment: environment)
        do {
            switch try parser.parse(Array(CommandLine.arguments.dropFirst())) {
            case .help(let text):
                print(text, terminator: "")
            case .run(let command, let arguments, let path):
                if command.name == LaunchCommand.command.name { try LaunchCommand.run(arguments) }
                start(command, arguments, path: path, environment)
            }
        } catch let error as UsageError {
            say("\(error)")
            exit(2)
        } catch {
            say("usher: \(error)")
            exit(1)
        }
    }

    private static func start(
        _ command: Command,
        _ arguments: Arguments,
        path: String,
        _ environment: [String: String]
    ) {
        guard let run = command.run else { return }
        Logger.configure(
            level: arguments.text(.logLevel).flatMap(LogLevel.init) ?? .info,
            format: arguments.text(.logFormat).flatMap(LogFormat.init) ?? .plain
        )
        Signals.block(endings)
        let stop = StopRequest()
        let invocation = Invocation(path: path, arguments: arguments, environment: environment, stop: stop)
        Task.detached {
            do {
                try await run(invocation)
                exit(0)
            } catch let error as UsageError {
                say("\(error)")
                exit(2)
            } catch {
                say("\(path): \(OneLine.describing(error))")
                exit(1)
            }
        }
        let first = Signals.wait(for: endings)
        // What does not listen for the request just ends; the system takes back what it held.
        guard command.endsInOrder else { exit(128 + first) }
        stop.make()
        // Who asks twice doesn't want to wait.
        let second = Signals.wait(for: endings)
        exit(128 + second)
    }

    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }

    private static func currentEnvironment() -> [String: String] {
        var result: [String: String] = [:]
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            let parts = unsafe String(cString: entry).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            unsafe next += 1
        }
        return result
    }
}
