internal import Glibc
internal import Postgres

/// What a piece of work cost the server.
struct ServerUsage: Sendable, Equatable {
    var walBytes: Int64
    /// Processor time of all server processes; nil when the server runs elsewhere.
    var cpuSeconds: Double?
    /// What the machine did meanwhile.
    var load = MachineLoad()

    static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.walBytes += right.walBytes
        sum.load = left.load + right.load
        sum.cpuSeconds = left.cpuSeconds.flatMap { cpu in right.cpuSeconds.map { cpu + $0 } }
        return sum
    }

    static func - (left: Self, right: Self) -> Self {
        var difference = left
        difference.walBytes -= right.walBytes
        difference.load = left.load - right.load
        difference.cpuSeconds = left.cpuSeconds.flatMap { cpu in right.cpuSeconds.map { cpu - $0 } }
        return difference
    }
}

/// Reads what the server has written and computed so far: two readings make a ``ServerUsage``.
struct ServerMeter: Sendable {
    private let postgres: PostgresClient
    private let postmaster: pid_t?

    /// Finds the server's processes, if they are on this machine.
    init(_ postgres: PostgresClient) async throws {
        self.postgres = postgres
        let row = try await postgres.query(
            Query(
                "bench_backend",
                """
                SELECT pg_backend_pid(),
                    inet_server_addr() IS NULL OR host(inet_server_addr()) IN ('127.0.0.1', '::1')
                """
            )
        )[0]
        let backend: Int32 = try row[0]
        let isLocal: Bool = try row[1]
        // A server behind a forwarded port has numbers of its own: only a process that says it is one counts.
        let words = (try? FileSystem.read("/proc/\(backend)/cmdline")) ?? nil
        let isServer = isLocal && words?.hasPrefix("postgres:") == true
        postmaster = isServer ? ProcessTimes.of(backend)?.parent : nil
    }

    /// What the server has used since some moment in the past.
    func read() async throws -> ServerUsage {
        let wal: Int64 = try await postgres.query(
            Query("bench_wal", "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
        )[0][0]
        return ServerUsage(
            walBytes: wal,
            cpuSeconds: postmaster.flatMap(ProcessTimes.family),
            load: .read(postmaster: postmaster)
        )
    }
}
