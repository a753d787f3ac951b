import Glibc
import HTTP
import Postgres
import Reactor
import TestSupport
import Testing

@testable import usher

/// The program as people call it: as a process, with what goes wrong in a day.
@Suite(.timeLimit(.minutes(5)))
struct ProgramTests {
    private static func commands(_ command: Command, _ path: [String]) -> [[String]] {
        command.subcommands.filter { !$0.isInternal }.flatMap { child in
            [path + [child.name]] + commands(child, path + [child.name])
        }
    }

    @Test(arguments: commands(.usher, [])) func `Every command explains itself`(words: [String]) async throws
    {
        let result = try await BuiltProgram.run(words + ["--help"])
        #expect(result.status == 0)
        #expect(result.output.contains("Usage: usher \(words.joined(separator: " "))"))
        #expect(result.errors.isEmpty)
    }

    @Test(arguments: [
        ([], "usher: say what to do: "),
        (["sell"], "usher: unknown command sell; the commands are demo, up, "),
        (["worker", "--fast"], "usher worker: unknown option --fast; it takes --queues, "),
        (
            ["gateway", "--port", "http"],
            "usher gateway: --port takes a whole number from 0 to 65535, not \"http\""
        ),
        (
            ["gateway", "--trusted-proxies", "10.0.0.0/8,lan"],
            "usher gateway: --trusted-proxies takes addresses and ranges such as 10.0.0.0/8, not \"lan\""
        ),
        (["gateway", "--proxy-protocol"], "usher gateway: --proxy-protocol needs --trusted-proxies"),
        (["gateway", "--tls-key", "k"], "usher gateway: --tls-key needs --tls-certificate"),
        (
            ["gateway", "--access-sample", "2"],
            "usher gateway: --access-sample takes a share from 0 to 1, not \"2\""
        ),
        (
            ["gateway", "--cors-origins", "https://a.example,b.example"],
            "usher gateway: --cors-origins takes origins such as https://shop.example, not \"b.example\""
        ),
        (
            ["gateway", "--payment-methods", "card,pay pal"],
            "usher gateway: --payment-methods takes different names such as card,paypal, not \"pay pal\""
        ),
        (
            ["gateway", "--payment-methods", "card,card"],
            "usher gateway: --payment-methods takes different names such as card,paypal, not \"card,card\""
        ),
        (
            ["up", "--payment-methods", "card,card"],
            "usher up: --payment-methods takes different names such as card,paypal, not \"card,card\""
        ),
        (["up", "extra"], "usher up: unexpected \"extra\"; see usher up --help"),
        (["keys", "add"], "usher keys add: --role promoter|operator is missing"),
        (
            ["keys", "add", "--role", "king"],
            "usher keys add: --role is one of promoter, operator, not \"king\""
        ),
        (
            ["keys", "add", "--role", "operator", "--scope", "os_1"],
            "usher keys add: --scope: only a promoter's key can be for some on-sales, such as os_1"
        ),
        (
            ["keys", "add", "--role", "promoter", "--scope", "write"],
            "usher keys add: --scope: a scope is read or an on-sale such as os_1, not \"write\""
        ),
        (["keys", "rotate"], "usher keys rotate: ID is missing"),
        (["keys", "revoke"], "usher keys revoke: ID is missing"),
        (["keys", "revoke", "x"], "usher keys revoke: ID is a number, not \"x\""),
        (["demo", "--buyers", "0"], "usher demo: --buyers takes a whole number from 1 to 200000, not \"0\""),
    ]) func `Misuse is one line and status 2`(words: [String], message: String) async throws {
        let result = try await BuiltProgram.run(words)
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix(message))
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(result.output.isEmpty)
    }

    private func failure(_ words: [String]) async throws -> String {
        let result = try await BuiltProgram.run(words)
        #expect(result.status == 1)
        let lines = result.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(result.errors)")
        return String(lines.first ?? "")
    }

    @Test func `A database that can't be reached or isn't there is named`() async throws {
        let nowhere = try await failure([
            "migrate", "--database-url", "postgresql://me:secret@127.0.0.1:1/shop",
        ])
        #expect(
            nowhere.hasPrefix("usher migrate: cannot use the database me@127.0.0.1:1/shop schema usher: ")
        )
        #expect(nowhere.contains("Connection refused") && !nowhere.contains("secret"))
        let unreadable = try await failure(["audit", "--database-url", "mysql://here"])
        #expect(unreadable == "usher audit: a database URL begins with postgresql://")
        try await withEmptyDatabase { database in
            let url = database.url.replacing("/postgres", with: "/no_such_database", maxReplacements: 1)
            let line = try await failure(["migrate", "--database-url", url])
            #expect(line.contains("database \"no_such_database\" does not exist"))
        }
    }

    @Test func `A schema that lacks a migration, or has one too many, is refused`() async throws {
        try await withEmptyDatabase { database in
            let words = ["audit", "--database-url", database.url, "--schema", database.schema]
            let line = try await failure(words)
            #expect(line.contains("lacks migration 0001_engine; run usher migrate"))
        }
        try await withDatabase { database in
            try await database.client.execute(
                Query(
                    "test.future",
                    "INSERT INTO usher_migrations (number, name, checksum) VALUES (9999, 'future', ''::bytea)"
                )
            )
            for command in ["audit", "scheduler", "worker", "gateway"] {
                let words = [command, "--database-url", database.url, "--schema", database.schema]
                let line = try await failure(words)
                #expect(line.contains("is newer than this program: it has migration 9999_future"))
            }
        }
    }

    @Test func `Keys are made, listed and revoked`() async throws {
        try await withDatabase { database in
            let rest = ["--database-url", database.url, "--schema", database.schema]
            let added = try await BuiltProgram.run(
                ["keys", "add", "--role", "promoter", "--label", "north"] + rest
            )
            #expect(added.status == 0 && added.output.hasPrefix("uk_"))
            let listed = try await BuiltProgram.run(["keys", "list"] + rest)
            #expect(listed.output == "1 promoter north\n")
            let revoked = try await BuiltProgram.run(["keys", "revoke", "1"] + rest)
            #expect(revoked.output == "revoked 1\n")
            let none = try await BuiltProgram.run(["keys", "list"] + rest)
            #expect(none.output.isEmpty)
            #expect(
                try await failure(["keys", "revoke", "1"] + rest).hasSuffix("there is no key 1 that is good")
            )
        }
    }

    @Test func `Migrating twice changes nothing the second time`() async throws {
        try await withEmptyDatabase { database in
            let words = ["migrate", "--database-url", database.url, "--schema", database.schema]
            let first = try await BuiltProgram.run(words)
            #expect(first.status == 0 && first.output.hasPrefix("applied 0001_engine\n"))
            let second = try await BuiltProgram.run(words)
            #expect(second.output == "the schema \(database.schema) is up to date\n")
            let status = try await BuiltProgram.run(words + ["--status"])
            #expect(status.output.split(separator: "\n").allSatisfy { $0.contains(" applied ") })
        }
    }

    @Test func `A port that is taken stops up before anything is started`() async throws {
        let taken = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(taken) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = unsafe bind(taken, address, length)
                _ = unsafe getsockname(taken, address, &length)
            }
        }
        listen(taken, 1)
        let port = UInt16(bigEndian: address.sin_port)
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        defer { try? FileSystem.remove(directory) }
        let line = try await failure(["up", "--directory", "\(directory)/house", "--port", "\(port)"])
        #expect(
            line.hasPrefix("usher up: port \(port) of 0.0.0.0 is taken")
                || line.hasPrefix("usher up: port \(port) of 127.0.0.1 is taken")
        )
        #expect(FileSystem.names(in: directory).isEmpty)
    }

    @Test func `A demo whose plan is refused starts nothing`() async throws {
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        defer { try? FileSystem.remove(directory) }
        try FileSystem.write(#"{"title": 7}"#, to: "\(directory)/plan.json")
        let line = try await failure(["demo", "--plan", "\(directory)/plan.json"])
        #expect(line.contains("plan.json is refused:"))
        #expect(line.contains("title"))
    }

    @Test(.enabled(if: hasIPv6, "this machine has no ::1")) func `The gateway listens on an address of IPv6`()
        async throws
    {
        try await withDatabase { database in
            let lines = AsyncStream<String>.makeStream()
            let loop = try EventLoop(name: "program")
            defer { loop.stop() }
            let supervisor = Supervisor(
                loop: loop,
                executable: BuiltProgram.path,
                environment: [
                    "USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema,
                    "PATH": "/usr/bin:/bin",
                ],
                line: { lines.continuation.yield("\($0): \($1)") },
                event: { lines.continuation.yield($0) }
            )
            let words = ["gateway", "--host", "::1", "--port", "0", "--admin-port", "0"]
            await supervisor.want(1, of: .init(name: "gateway", words: words, stopStage: 0))
            var port: Int?
            for await line in lines.stream {
                port = line.firstMatch(of: /listening .* port=(\d+)/).flatMap { Int($0.1) }
                if port != nil { break }
            }
            let client = HTTPClient(loops: database.loops)
            let endpoint = HTTPEndpoint(host: "::1", port: port ?? 0)
            let answer = try? await client.send(HTTPRequest(.get, "/v1/on-sales"), to: endpoint)
            await client.shutdown()
            await supervisor.stop()
            #expect(answer?.status == 200)
        }
    }

    @Test func `A process that is asked to end while it works ends in order`() async throws {
        try await withDatabase { database in
            let lines = AsyncStream<String>.makeStream()
            let loop = try EventLoop(name: "program")
            defer { loop.stop() }
            let supervisor = Supervisor(
                loop: loop,
                executable: BuiltProgram.path,
                environment: [
                    "USHER_DATABASE_URL": database.url, "USHER_SCHEMA": database.schema,
                    "PATH": "/usr/bin:/bin",
                ],
                line: { who, line in lines.continuation.yield("\(who): \(line)") },
                event: { lines.continuation.yield($0) }
            )
            await supervisor.want(1, of: .init(name: "scheduler", words: ["scheduler"], stopStage: 1))
            await supervisor.want(1, of: .init(name: "worker", words: ["worker"], stopStage: 0))
            var running: Set<String> = []
            for await line in lines.stream {
                if line.contains("running") { running.insert(String(line.prefix { $0 != ":" })) }
                if running.count == 2 { break }
            }
            await supervisor.stop()
            lines.continuation.finish()
            var after: [String] = []
            for await line in lines.stream { after.append(line) }
            #expect(!after.contains { $0.contains("did not end in time") })
            let left = try await database.client.query(Query("test.workers", "SELECT count(*) FROM workers"))
            let count: Int64 = try left[0][0]
            #expect(count == 0)
        }
    }
}
