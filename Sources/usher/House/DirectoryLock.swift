internal import Glibc

/// Keeps a second `usher up` out of a directory.
///
/// The system lets go of it when the process ends, however it ends.
struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock.
    ///
    /// - Throws: ``Failure`` when another process has it.
    init(_ directory: String) throws {
        let path = "\(directory)/lock"
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileSystem.failure("open", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Failure("another usher up works in \(directory); --directory takes another place")
        }
    }

    deinit { close(descriptor) }
}
