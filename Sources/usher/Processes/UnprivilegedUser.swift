internal import Glibc

/// Whom the database server runs as when root calls: Postgres refuses to run as root.
struct UnprivilegedUser: Sendable, Hashable {
    let name: String
    let uid: uid_t
    let gid: gid_t

    /// The user named `postgres`, else `nobody`; nil when the caller isn't root and needs no other user.
    static func forServer() throws -> Self? {
        guard geteuid() == 0 else { return nil }
        guard let user = named("postgres") ?? named("nobody") else {
            throw Failure("Postgres does not run as root, and there is neither a user postgres nor nobody")
        }
        return user
    }

    static func named(_ name: String) -> Self? {
        guard let entry = unsafe getpwnam(name) else { return nil }
        return unsafe Self(name: name, uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid)
    }

    /// Becomes the user, for good.
    func become() throws {
        guard unsafe initgroups(name, gid) == 0, setgid(gid) == 0, setuid(uid) == 0 else {
            throw Failure("cannot become user \(name): \(unsafe String(cString: strerror(errno)))")
        }
    }

    /// Whether the user may enter every directory on the way to `path`.
    func canReach(_ path: String) -> Bool {
        var prefix = ""
        for component in path.split(separator: "/").dropLast() {
            prefix += "/\(component)"
            var info = stat()
            guard unsafe stat(prefix, &info) == 0 else { return false }
            let execute: mode_t = info.st_uid == uid ? 0o100 : info.st_gid == gid ? 0o010 : 0o001
            guard info.st_mode & execute != 0 else { return false }
        }
        return true
    }
}
