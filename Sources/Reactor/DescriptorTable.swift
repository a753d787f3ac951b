internal import CLinux
internal import Glibc

/// The descriptors of a thread that has left the process's table.
enum DescriptorTable {
    /// Gives the calling thread a table of its own (`unshare(CLONE_FILES)`).
    ///
    /// Of what was open, it keeps the standard three and what wakes threads: event loops and those of the concurrency
    /// runtime. A copy of a socket, a pipe or a file would keep that open after its owner has closed it.
    ///
    /// - Returns: 0, or why the system refuses.
    static func leave() -> Int32 {
        guard unshare(Int32(USHER_CLONE_FILES)) == 0 else { return errno }
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return errno }
        for descriptor in 3..<Int32(clamping: limit.rlim_cur) {
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else { continue }
            // epoll, eventfd and timerfd have no type.
            if status.st_mode & S_IFMT != 0 { close(descriptor) }
        }
        return 0
    }
}
