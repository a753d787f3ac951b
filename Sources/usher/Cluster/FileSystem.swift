internal import Glibc

/// The few things we ask of files.
enum FileSystem {
    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String, mode: mode_t = 0o700) throws {
        var info = stat()
        if unsafe stat(path, &info) == 0 {
            guard info.st_mode & S_IFMT == S_IFDIR else { throw Failure("\(path) is not a directory") }
            return
        }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try makeDirectory(String(path[..<slash]), mode: 0o755)
        }
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else {
            throw failure("make the directory", path)
        }
    }

    /// A new directory of a name nobody has.
    static func makeTemporaryDirectory(_ prefix: String) throws -> String {
        let place = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/\(prefix)-XXXXXX".utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw failure("make a directory in", place) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The text of a file; nil when there is none.
    static func read(_ path: String) throws -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw failure("read", path) }
            return nil
        }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe bytes.withUnsafeMutableBytes {
                unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            guard count > 0 else { return String(decoding: content, as: UTF8.self) }
            content += bytes[..<count]
        }
    }

    /// Writes a whole file.
    static func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure("write", path) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw failure("write", path) }
    }

    /// Gives a file or directory to a user.
    static func give(_ path: String, to user: UnprivilegedUser?) throws {
        guard let user else { return }
        guard unsafe chown(path, user.uid, user.gid) == 0 else {
            throw failure("give user \(user.name)", path)
        }
    }

    /// Removes a file, or a directory with all that is in it; what is not there is no error.
    static func remove(_ path: String) throws {
        var info = stat()
        guard unsafe lstat(path, &info) == 0 else { return }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            guard unsafe unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
            return
        }
        for name in names(in: path) { try remove("\(path)/\(name)") }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    /// What a directory holds; nothing where there is none.
    static func names(in directory: String) -> [String] {
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Where a symbolic link points; nil when there is none that we may read.
    static func linkTarget(_ path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe buffer.withMemoryRebound(to: CChar.self) {
                unsafe $0.baseAddress.map { unsafe readlink(path, $0, buffer.count) } ?? -1
            }
        }
        return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// The absolute path without links; the path itself where nothing is there.
    static func realPath(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    static func failure(_ what: String, _ path: String) -> Failure {
        Failure("cannot \(what) \(path): \(unsafe String(cString: strerror(errno)))")
    }
}
