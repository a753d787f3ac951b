import Postgres
import TestSupport
import Testing

@testable import usher

/// What takes a server of one's own: encryption, passwords, and one that goes away.
///
/// Serialized: each test starts servers.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct OwnServerTests {
    /// Runs `body` with a client that is shut down afterwards.
    private func withClient<Value>(
        _ url: String,
        _ body: (PostgresClient) async throws -> Value
    ) async throws -> Value {
        let client = PostgresClient(
            try PostgresConfiguration(url: url),
            loops: try TestLoops.shared.get(),
            pool: .init(maximum: 2)
        )
        let outcome: Result<Value, any Error>
        do {
            outcome = .success(try await body(client))
        } catch {
            outcome = .failure(error)
        }
        await client.shutdown()
        return try outcome.get()
    }

    /// The one line that `usher migrate` fails with.
    private func refusal(_ url: String) async throws -> String {
        let result = try await BuiltProgram.run(["migrate", "--database-url", url])
        #expect(result.status == 1)
        #expect(result.output.isEmpty)
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(result.errors)")
        return String(lines.first ?? "")
    }

    private func makeCertificates(_ cluster: TestCluster) async throws {
        func openssl(_ arguments: String) async throws {
            try await cluster.run("openssl", arguments.split(separator: " ").map(String.init))
        }
        let key = "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
        for root in ["root", "other"] {
            try await openssl("\(key) -subj /CN=\(root) -keyout \(root).key -out \(root).crt")
        }
        try await openssl(
            "\(key) -subj /CN=localhost -addext subjectAltName=DNS:localhost -CA root.crt -CAkey root.key"
                + " -keyout server.key -out server.crt"
        )
    }

    @Test func `A server's certificate is checked against the root, and the connection is encrypted`()
        async throws
    {
        let settings = ["ssl = on", "ssl_cert_file = '../server.crt'", "ssl_key_file = '../server.key'"]
        try await TestCluster.with(settings: settings, prepare: makeCertificates) { cluster in
            func url(_ root: String, host: String = "localhost") -> String {
                "postgresql://usher@\(host):\(cluster.port)/postgres?hostaddr=127.0.0.1&sslmode=verify-full"
                    + "&sslrootcert=\(cluster.path(root))"
            }
            try await withClient(url("root.crt")) { client in
                let rows = try await client.query(
                    Query("test.ssl", "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                )
                #expect(try rows[0][0] == true)
                #expect(try (rows[0][1] as String).hasPrefix("TLSv1."))
            }
            let stranger = try await refusal(url("other.crt"))
            #expect(
                stranger.hasPrefix("usher migrate: cannot use the database usher@localhost:\(cluster.port)")
            )
            #expect(stranger.contains("certificate verify failed"))
            let elsewhere = try await refusal(url("root.crt", host: "example.org"))
            #expect(elsewhere.contains("does not match host name \"example.org\""))
            let nothing = try await refusal(url("none.crt"))
            #expect(nothing.contains("root certificate file \"\(cluster.path("none.crt"))\" does not exist"))
        }
    }

    @Test func `A wrong password is one clear line that doesn't repeat it`() async throws {
        try await TestCluster.with(password: "the right one") { cluster in
            let (head, tail) = ("postgresql://usher", "@127.0.0.1:\(cluster.port)/postgres")
            try await withClient("\(head):the%20right%20one\(tail)") { client in
                let rows = try await client.query(Query("test.user", "SELECT current_user::text"))
                #expect(try rows[0][0] == "usher")
            }
            let wrong = try await refusal("\(head):hunter2\(tail)")
            #expect(wrong.contains("password authentication failed for user \"usher\""))
            #expect(!wrong.contains("hunter2"))
            let missing = try await refusal("\(head)\(tail)")
            #expect(missing.contains("no password supplied"))
        }
    }

    /// Which of two servers a client has found, and whether it may write there.
    private func place(_ client: PostgresClient) async throws -> Int {
        let rows = try await client.query(
            Query("test.place", "SELECT inet_server_port(), pg_is_in_recovery()")
        )
        #expect(try rows[0][1] == false)
        return try rows[0][0]
    }

    @Test func `A client finds the primary of two hosts, and the new one after a failover`() async throws {
        try await TestCluster.with { primary in
            try await primary.withStandby { standby in
                let hosts = "127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)"
                let url = "postgresql://usher@\(hosts)/postgres?target_session_attrs=read-write"
                try await withClient(url) { client in
                    #expect(try await place(client) == primary.port)
                    try await client.execute(Query("test.table", "CREATE TABLE kept AS SELECT 7 AS answer"))
                    // Replication is asynchronous: what the standby has not replayed is lost, and rightly so.
                    var isThere = false
                    for _ in 0..<1000 where !isThere {
                        isThere = try await client.query(
                            Query(
                                "test.replayed",
                                """
                                SELECT coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false)
                                FROM pg_stat_replication, pg_sleep(0.01)
                                """
                            )
                        )[0][0]
                    }
                    #expect(isThere)

                    try await primary.stop()
                    try await standby.promote()

                    // A pooled connection may have to fail first; each failure is one that is gone.
                    var found: Int?
                    for _ in 0...2 where found == nil {
                        do {
                            found = try await place(client)
                        } catch let error as PostgresError where error.code == .connection {}
                    }
                    #expect(found == standby.port)
                    let kept = try await client.query(Query("test.kept", "SELECT answer FROM kept"))
                    #expect(try kept[0][0] == 7 as Int32)
                    try await client.execute(Query("test.write", "INSERT INTO kept VALUES (8)"))
                }
            }
        }
    }
}
