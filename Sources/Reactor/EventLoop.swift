internal import CLinux
internal import Glibc
internal import Synchronization

/// One thread that waits on epoll and runs what is given to it, in order.
///
/// It is an executor, so that actors can be pinned to it (`unownedExecutor`) and hot callers can ask for it with
/// `withTaskExecutorPreference`. Descriptors and timers belong to the loop: register, change and cancel them on
/// its own thread only (checked). Nothing that blocks may run here.
public final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    // Sendable: `watched`, `freeSlots`, `timers` and `batch` are touched on the loop's thread only; the rest is
    // immutable or behind `inbox`.
    private enum Work {
        case job(UnownedJob)
        case closure(@Sendable () -> Void)
    }

    private struct Inbox {
        var work: [Work] = []
        var asleep = false
        var stopping = false
        var ended = false
    }

    private struct Watched {
        var generation: UInt32 = 0
        var descriptor: Int32 = -1
        var token: UInt64 = 0
        var handler: (any ReadinessHandler)?
    }

    /// The name the thread carries, for debuggers and `top -H`.
    public let name: String

    private let inbox = Lock(Inbox())
    private let epoll: Int32
    private let wakeup: Int32
    private let thread = Atomic<UInt>(0)
    private var watched: [Watched] = []
    private var freeSlots: [UInt32] = []
    private var timers = TimerHeap()

    /// Starts the thread.
    ///
    /// - Parameter name: at most 15 bytes are shown by the system.
    /// - Throws: ``ReactorError`` when the system has no more descriptors or threads.
    public convenience init(name: String) throws {
        try self.init(waiting: name)
        try Thread.start(name: name) { [self] in run() }
    }

    /// Makes a loop whose thread is still to be started; work may wait for it.
    init(waiting name: String) throws {
        self.name = name
        epoll = epoll_create1(Int32(USHER_CLOEXEC))
        guard epoll >= 0 else { throw ReactorError(call: "epoll_create1", errno: errno) }
        wakeup = eventfd(0, Int32(USHER_EVENTFD_FLAGS))
        guard wakeup >= 0 else {
            let code = errno
            close(epoll)
            throw ReactorError(call: "eventfd", errno: code)
        }
        var event = unsafe usher_epoll_event(Readiness.read.rawValue, .max)
        unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    /// Starts the thread with a descriptor table of its own, and waits until it has it.
    ///
    /// What is opened afterwards must not find its way into the copy, where nobody would close it.
    func startApart() throws {
        let told = eventfd(0, Int32(USHER_CLOEXEC))
        guard told >= 0 else { throw ReactorError(call: "eventfd", errno: errno) }
        defer { close(told) }
        try Thread.start(name: name) { [self] in
            let code = DescriptorTable.leave()
            // An eventfd tells no 0.
            var outcome = UInt64(code) + 1
            unsafe write(told, &outcome, 8)
            guard code == 0 else { return }
            close(told)
            run()
        }
        var outcome: UInt64 = 0
        while unsafe read(told, &outcome, 8) < 0 && errno == EINTR {}
        guard outcome == 1 else { throw ReactorError(call: "unshare", errno: Int32(clamping: outcome) - 1) }
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    // MARK: Work

    /// Runs `work` on the loop's thread, after what was given before.
    public func execute(_ work: @escaping @Sendable () -> Void) {
        push(.closure(work))
    }

    /// Runs a task's job on the loop's thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        push(.job(UnownedJob(job)))
    }

    /// Whether the caller runs on the loop's thread.
    public var isCurrent: Bool {
        thread.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Stops the program unless the caller runs on the loop's thread.
    public func checkIsolated() {
        precondition(isCurrent, "not on the event loop \(name)")
    }

    /// Tells the runtime whether the caller is on the loop, without stopping the program.
    public func isIsolatingCurrentContext() -> Bool? {
        isCurrent
    }

    /// This loop as the executor of an actor.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    /// Ends the thread once it has done what it was given before.
    ///
    /// Descriptors still registered are left open, and what it is given afterwards is dropped.
    public func stop() {
        inbox.withLock { $0.stopping = true }
        wake()
    }

    private func push(_ work: Work) {
        let mustWake = inbox.withLock { inbox in
            // Nobody will do it any more, and what is kept here keeps what it captures, often the loop itself.
            guard !inbox.ended else { return false }
            inbox.work.append(work)
            defer { inbox.asleep = false }
            return inbox.asleep
        }
        if mustWake { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        unsafe write(wakeup, &one, 8)
    }

    // MARK: Descriptors

    /// Watches a descriptor, level-triggered.
    ///
    /// On the loop's thread only.
    ///
    /// - Parameters:
    ///   - descriptor: an open, non-blocking descriptor; the caller closes it, after ``deregister(_:)``.
    ///   - interest: what to wait for; may be empty.
    ///   - handler: is kept until the registration ends.
    ///   - token: handed back with each event, so that one handler can serve many descriptors.
    /// - Returns: what to change or end the registration with.
    /// - Throws: ``ReactorError`` when epoll refuses the descriptor.
    public func register(
        _ descriptor: Int32,
        for interest: Readiness,
        handler: any ReadinessHandler,
        token: UInt64 = 0
    ) throws -> Registration {
        checkIsolated()
        let slot: UInt32
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = UInt32(watched.count)
            watched.append(Watched())
        }
        let registration = Registration(slot: slot, generation: watched[Int(slot)].generation)
        do {
            try control(EPOLL_CTL_ADD, descriptor, interest, registration)
        } catch {
            freeSlots.append(slot)
            throw error
        }
        watched[Int(slot)].descriptor = descriptor
        watched[Int(slot)].token = token
        watched[Int(slot)].handler = handler
        return registration
    }

    /// Changes what a descriptor is watched for.
    ///
    /// On the loop's thread only.
    ///
    /// - Throws: ``ReactorError`` when epoll refuses.
    public func update(_ registration: Registration, for interest: Readiness) throws {
        checkIsolated()
        guard isLive(registration) else { return }
        try control(EPOLL_CTL_MOD, watched[Int(registration.slot)].descriptor, interest, registration)
    }

    /// Ends a registration.
    ///
    /// Events already fetched for it are dropped. On the loop's thread only.
    public func deregister(_ registration: Registration) {
        checkIsolated()
        guard isLive(registration) else { return }
        let slot = Int(registration.slot)
        var event = unsafe usher_epoll_event(0, 0)
        unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, watched[slot].descriptor, &event)
        watched[slot].generation &+= 1
        watched[slot].handler = nil
        watched[slot].descriptor = -1
        freeSlots.append(registration.slot)
    }

    private func isLive(_ registration: Registration) -> Bool {
        let entry = watched[Int(registration.slot)]
        return entry.generation == registration.generation && entry.handler != nil
    }

    private func control(
        _ operation: Int32,
        _ descriptor: Int32,
        _ interest: Readiness,
        _ registration: Registration
    ) throws {
        let data = UInt64(registration.generation) << 32 | UInt64(registration.slot)
        var event = unsafe usher_epoll_event(interest.rawValue, data)
        guard unsafe epoll_ctl(epoll, operation, descriptor, &event) == 0 else {
            throw ReactorError(call: "epoll_ctl", errno: errno)
        }
    }

    // MARK: Timers

    /// Runs `body` on the loop once `delay` has passed.
    ///
    /// On the loop's thread only.
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> TimerID {
        checkIsolated()
        return timers.schedule(at: .now + delay, body)
    }

    /// Forgets a timer; one that has fired is not missed.
    ///
    /// On the loop's thread only.
    public func cancel(_ timer: TimerID) {
        checkIsolated()
        timers.cancel(timer)
    }

    // MARK: The thread

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        let executor = unsafe asUnownedSerialExecutor()
        let taskExecutor = unsafe asUnownedTaskExecutor()
        let capacity = 512
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: capacity)
        defer { unsafe events.deallocate() }
        var batch: [Work] = []
        while true {
            while let due = timers.popDue(at: .now) { due() }

            // Falling asleep is decided under the inbox's lock, or a wake-up could be lost between the two.
            let stopping = inbox.withLock { inbox in
                swap(&batch, &inbox.work)
                inbox.asleep = batch.isEmpty && !inbox.stopping
                inbox.ended = batch.isEmpty && inbox.stopping
                return inbox.stopping
            }
            for work in batch {
                switch work {
                case .job(let job):
                    unsafe job.runSynchronously(isolatedTo: executor, taskExecutor: taskExecutor)
                case .closure(let closure): closure()
                }
            }
            let worked = !batch.isEmpty
            batch.removeAll(keepingCapacity: true)
            if stopping && !worked { return }

            let timeout = worked || stopping ? 0 : sleepMilliseconds()
            let count = unsafe epoll_wait(epoll, events, Int32(capacity), timeout)
            inbox.withLock { $0.asleep = false }
            for index in 0..<max(0, Int(count)) {
                let event = unsafe events[index]
                unsafe dispatch(Readiness(rawValue: event.events), data: usher_epoll_data(event))
            }
        }
    }

    private func dispatch(_ readiness: Readiness, data: UInt64) {
        guard data != .max else {
            var count: UInt64 = 0
            unsafe read(wakeup, &count, 8)
            return
        }
        let slot = Int(truncatingIfNeeded: data & 0xFFFF_FFFF)
        guard watched[slot].generation == UInt32(truncatingIfNeeded: data >> 32) else { return }
        watched[slot].handler?.ready(readiness, token: watched[slot].token)
    }

    private func sleepMilliseconds() -> Int32 {
        guard let deadline = timers.nextDeadline() else { return -1 }
        let wait = deadline - .now
        // Rounded up: a timer that fires a millisecond early would spin until it is due.
        return Int32(clamping: max(0, (wait.nanoseconds + 999_999) / 1_000_000))
    }
}
