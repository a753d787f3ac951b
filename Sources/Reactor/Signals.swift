internal import Glibc

/// Signals of the process, taken by one thread that waits for them.
///
/// Block before any other thread exists: threads inherit the mask, and Swift's async `main` parks with an empty
/// one, so a program that wants signals has a synchronous `main`.
public enum Signals {
    /// Blocks the given signals in the calling thread and all it starts later, and ignores SIGPIPE.
    public static func block(_ signals: [Int32]) {
        signal(SIGPIPE, SIG_IGN)
        var set = Self.set(signals)
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits, blocking the calling thread, until one of the given signals arrives.
    ///
    /// - Returns: the signal's number.
    public static func wait(for signals: [Int32]) -> Int32 {
        var set = Self.set(signals)
        var number: Int32 = 0
        while unsafe sigwait(&set, &number) != 0 {}
        return number
    }

    private static func set(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        return set
    }
}
