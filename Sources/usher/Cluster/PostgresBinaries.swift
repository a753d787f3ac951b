internal import Glibc

/// Where the programs of a Postgres server are.
struct PostgresBinaries: Sendable, Hashable {
    let directory: String

    var initdb: String { "\(directory)/initdb" }
    var postgres: String { "\(directory)/postgres" }

    /// Looks in the directories of `PATH`, then where Debian and Ubuntu put them, newest version first.
    static func find(
        path: String,
        debian: String = "/usr/lib/postgresql",
        isThere: (String) -> Bool = Self.isExecutable
    ) throws -> Self {
        let packaged = FileSystem.names(in: debian)
            .sorted { (Int($0) ?? 0, $0) > (Int($1) ?? 0, $1) }
            .map { "\(debian)/\($0)/bin" }
        let candidates = path.split(separator: ":").map(String.init) + packaged
        for directory in candidates {
            let found = Self(directory: directory)
            if isThere(found.initdb) && isThere(found.postgres) { return found }
        }
        throw Failure(
            "no Postgres server: initdb and postgres are neither in PATH nor in \(debian)/*/bin; "
                + "install the package postgresql (apt-get install postgresql) or set USHER_DATABASE_URL"
        )
    }

    static func isExecutable(_ path: String) -> Bool {
        unsafe access(path, X_OK) == 0
    }
}
