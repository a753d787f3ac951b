internal import Glibc
internal import Reactor

/// A process that a bench runs beside itself, from its start to its end.
final class BenchProcess: Sendable {
    private struct State {
        var exit: ProcessExit?
        var waiting: [CheckedContinuation<ProcessExit, Never>] = []
    }

    let pid: pid_t
    /// The file that its output goes to.
    let log: String
    private let name: String
    private let state = Lock(State())

    private init(_ name: String, pid: pid_t, log: String) {
        self.name = name
        self.pid = pid
        self.log = log
    }

    /// Where util-linux has the program that binds another to processors.
    static let taskset = "/usr/bin/taskset"

    /// Starts a program, ours if no other is named, which ends with us whatever becomes of us.
    ///
    /// With a `core` it runs on that processor only.
    static func start(
        _ name: String,
        program: String = ProcessLaunch.ownProgram,
        _ words: [String],
        environment: [String: String],
        log: String,
        core: Int? = nil
    ) async throws -> BenchProcess {
        if let core {
            return try await start(
                name,
                program: taskset,
                ["-c", "\(core)", program] + words,
                environment: environment,
                log: log
            )
        }
        try FileSystem.remove(log)
        let launch = ProcessLaunch(
            program: ProcessLaunch.ownProgram,
            arguments: LaunchCommand.words(parent: getpid(), program: program, arguments: words),
            environment: environment,
            output: .file(log)
        )
        return try await withCheckedThrowingContinuation { continuation in
            do {
                // The process ends with the thread that started it, so that thread stays until then.
                try Thread.start(name: "bench \(name)") {
                    do {
                        let process = BenchProcess(name, pid: try launch.start(), log: log)
                        continuation.resume(returning: process)
                        process.ended(ProcessExit.wait(for: process.pid))
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private func ended(_ exit: ProcessExit) {
        let waiting = state.withLock { state in
            state.exit = exit
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: exit) }
    }

    /// Returns when the process has ended.
    private func end() async -> ProcessExit {
        await withCheckedContinuation { continuation in
            let exit = state.withLock { state in
                if state.exit == nil { state.waiting.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    /// Whether it still runs.
    var isRunning: Bool { state.withLock { $0.exit == nil } }

    /// What it has written so far.
    var output: String {
        // It may not have written anything yet, and then there is no file.
        ((try? FileSystem.read(log)) ?? nil) ?? ""
    }

    /// What it failed of, in its own last words.
    var failure: Failure {
        Failure("the \(name) of the bench failed: \(OneLine.joined(String(output.suffix(300))))")
    }

    /// The seconds of processor time that it has used.
    var cpuSeconds: Double { ProcessTimes.of(pid)?.own ?? 0 }

    /// The seconds of processor time that it and its children have used.
    var familySeconds: Double { ProcessTimes.family(of: pid) ?? 0 }

    /// Waits for it to end by itself, and ends it when the task is cancelled.
    ///
    /// - Throws: ``Failure`` when it ended badly.
    func finish() async throws {
        let exit = await withTaskCancellationHandler {
            await end()
        } onCancel: {
            signal(SIGTERM)
        }
        guard exit == .status(0) else { throw failure }
    }

    /// Tells it to end, and returns when it has.
    func stop() async {
        signal(SIGTERM)
        await withTaskGroup { group in
            group.addTask { _ = await self.end() }
            // Nothing that a bench starts has anything to finish that would take as long as this. In a task of its
            // own, because ours may have been cancelled.
            let patience = Task { try await Task.sleep(for: .seconds(20)) }
            group.addTask { if (try? await patience.value) != nil { self.signal(SIGKILL) } }
            await group.next()
            patience.cancel()
        }
    }

    private func signal(_ number: Int32) {
        state.withLock { if $0.exit == nil { kill(pid, number) } }
    }

    /// Runs `body` while the process runs, and ends it.
    func during<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            let value = try await body()
            await stop()
            return value
        } catch {
            await stop()
            throw error
        }
    }
}
