internal import CLinux
internal import Glibc
internal import Reactor

/// Starts, watches and ends processes as its ``Supervision`` decides.
///
/// It lives on an event loop's thread, because a process that is to end with its parent ends, in fact, with the
/// thread that started it; a thread of the pool may go at any time.
actor Supervisor {
    private let loop: EventLoop
    private let executable: String
    private let environment: [String: String]
    private let line: @Sendable (_ who: String, _ line: String) -> Void
    private let event: @Sendable (_ text: String) -> Void
    private var supervision: Supervision
    private var timer: TimerID?
    private var isFinished = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Supervises from `loop`, which has to outlive every process.
    ///
    /// `line` is given each line a process prints, `event` what happened to one, in words.
    init(
        loop: EventLoop,
        executable: String = ProcessLaunch.ownProgram,
        environment: [String: String],
        timing: Supervision.Timing = Supervision.Timing(),
        line: @escaping @Sendable (String, String) -> Void,
        event: @escaping @Sendable (String) -> Void
    ) {
        self.loop = loop
        self.executable = executable
        self.environment = environment
        self.line = line
        self.event = event
        supervision = Supervision(timing: timing)
    }

    /// Sets how many processes of a group run.
    func want(_ count: Int, of group: Supervision.Group) {
        perform(supervision.want(count, of: group, at: .now))
    }

    /// Drains every process of a group.
    func forget(_ group: String) {
        perform(supervision.forget(group, at: .now))
    }

    /// The process ids of what runs, by slot.
    func running() -> [Supervision.Slot: Int32] {
        supervision.running
    }

    /// Ends everything in the order of the stages, and returns when all has ended.
    func stop() async {
        perform(supervision.stop(at: .now))
        guard !isFinished else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func perform(_ actions: [Supervision.Action]) {
        for action in actions {
            switch action {
            case .start(let slot, let words): start(slot, words)
            case .drain(_, let pid): kill(pid, SIGTERM)
            case .kill(let slot, let pid):
                event("\(slot.label) did not end in time and is killed")
                // With what it started: a survivor would hold the pipe open, and the end be never seen.
                kill(-pid, SIGKILL)
            case .finished:
                isFinished = true
                for continuation in waiting { continuation.resume() }
                waiting = []
            }
        }
        rearm()
    }

    private func rearm() {
        if let timer { loop.cancel(timer) }
        timer = nil
        guard let deadline = supervision.nextDeadline, !isFinished else { return }
        timer = loop.schedule(after: max(.zero, deadline - .now)) { [weak self] in
            self?.assumeIsolated { supervisor in
                supervisor.timer = nil
                supervisor.perform(supervisor.supervision.tick(at: .now))
            }
        }
    }

    private func start(_ slot: Supervision.Slot, _ words: [String]) {
        do {
            var ends: [Int32] = [0, 0]
            guard unsafe pipe(&ends) == 0 else { throw ReactorError(call: "pipe", errno: errno) }
            let (reading, writing) = (ends[0], ends[1])
            let launch = ProcessLaunch(
                program: executable,
                arguments: LaunchCommand.words(parent: getpid(), program: executable, arguments: words),
                environment: environment,
                output: .descriptor(writing)
            )
            let pid: pid_t
            do {
                defer { close(writing) }
                pid = try launch.start()
            } catch {
                close(reading)
                throw error
            }
            try Thread.start(name: "child \(pid)") { [line, loop] in
                Self.read(reading) { line(slot.label, $0) }
                ProcessExit.awaitEnd(of: pid)
                loop.execute { self.assumeIsolated { $0.reap(slot, pid) } }
            }
            perform(supervision.started(slot, pid: pid, at: .now))
        } catch {
            event("\(slot.label) could not be started: \(error)")
            perform(supervision.ended(slot, at: .now))
        }
    }

    private func reap(_ slot: Supervision.Slot, _ pid: pid_t) {
        let exit = ProcessExit.wait(for: pid)
        let actions = supervision.ended(slot, at: .now)
        if exit != .status(0) || supervision.willRestart(slot) {
            event("\(slot.label) (process \(pid)) \(exit)")
        }
        perform(actions)
    }

    /// Reads lines until the other end is closed, and closes this one.
    private static func read(_ descriptor: Int32, _ line: (String) -> Void) {
        defer { close(descriptor) }
        var splitter = LineSplitter()
        var bytes = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            for text in splitter.append(bytes[..<count]) { line(text) }
        }
        if let rest = splitter.finish() { line(rest) }
    }
}
