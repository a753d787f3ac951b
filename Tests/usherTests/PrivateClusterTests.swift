import Glibc
import Reactor
import Synchronization
import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct PrivateClusterTests {
    private final class Notes: Sendable {
        let taken = Lock<[String]>([])
        func add(_ note: String) { taken.withLock { $0.append(note) } }
        var all: [String] { taken.withLock { $0 } }
    }

    private static func withDirectory(_ body: (String, EventLoop, Notes) async throws -> Void) async throws {
        let loop = try EventLoop(name: "cluster")
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        guard unsafe chmod(directory, 0o755) == 0 else { throw Failure("chmod") }
        defer {
            loop.stop()
            try? FileSystem.remove(directory)
        }
        try await body("\(directory)/postgres", loop, Notes())
    }

    private static func cluster(
        _ directory: String,
        _ loop: EventLoop,
        _ notes: Notes
    ) throws -> PrivateCluster {
        try PrivateCluster(
            loop: loop,
            directory: directory,
            binaries: .find(path: "/usr/bin:/bin"),
            launcher: BuiltProgram.path,
            diesWithUs: true,
            note: { notes.add($0) }
        )
    }

    @Test func `A cluster is made, found running by the next, started over a stale pid, and stopped`()
        async throws
    {
        try await Self.withDirectory { directory, loop, notes in
            let first = try Self.cluster(directory, loop, notes)
            try await first.start()
            guard case .ready(let pid) = try await first.state() else {
                Issue.record("not ready")
                return
            }
            #expect(notes.all.isEmpty)

            let second = try Self.cluster(directory, loop, notes)
            try await second.start()
            #expect(notes.all == ["found its Postgres running (process \(pid))"])
            #expect(await second.url == first.url)
            #expect(PrivateCluster.runningURL(in: directory) == (await first.url))

            // The machine goes down, and comes up with the number given to somebody else.
            kill(pid, SIGKILL)
            while ServerState.serves(pid, "\(directory)/data") { sched_yield() }
            let file = "\(directory)/data/postmaster.pid"
            let text = try #require(try FileSystem.read(file))
            try FileSystem.write(
                text.replacing("\(pid)\n", with: "\(getpid())\n", maxReplacements: 1),
                to: file
            )
            #expect(try await second.state() == .stale(pid: getpid()))
            try await second.keepRunning()
            #expect(
                notes.all.contains("removed a stale postmaster.pid: process \(getpid()) is not this server")
            )
            guard case .ready = try await second.state() else {
                Issue.record("not ready again")
                return
            }
            try await second.stop()
            #expect(try await second.state() == .stopped)
            #expect(PrivateCluster.runningURL(in: directory) == nil)
        }
    }

    @Test func `Commands without a URL use the server that runs in the directory`() async throws {
        try await Self.withDirectory { directory, loop, notes in
            let cluster = try Self.cluster(directory, loop, notes)
            try await cluster.start()
            let house = String(directory.dropLast("/postgres".count))
            let migrated = try await BuiltProgram.run(["migrate", "--directory", house])
            #expect(migrated.status == 0, "\(migrated)")
            let environment = ["USHER_DIRECTORY": house, "PGHOST": "/nowhere"]
            let added = try await BuiltProgram.run(
                ["keys", "add", "--role", "operator"],
                environment: environment
            )
            #expect(added.output.hasPrefix("uk_"), "\(added)")
            let audit = try await BuiltProgram.run(["audit", "--directory", house])
            #expect(audit.status == 0, "\(audit)")
            try await cluster.stop()
            let gone = try await BuiltProgram.run(["audit"], environment: environment)
            #expect(gone.status == 1 && gone.errors.contains("/nowhere"), "\(gone)")
        }
    }

    @Test func `The state is read from the pid file and checked against the process`() {
        let file = "12\n/data\n1\n5432\n/socket\n\n  1 2\nready   \n"
        #expect(ServerState.read(nil) { _ in true } == .stopped)
        #expect(ServerState.read(file) { _ in true } == .ready(pid: 12))
        #expect(ServerState.read(file) { _ in false } == .stale(pid: 12))
        #expect(ServerState.read("12\n/data\n") { _ in true } == .changing(pid: 12))
        #expect(ServerState.read("what") { _ in true } == .stale(pid: 0))
    }

    @Test func `Missing server programs are named with the package that has them`() {
        let error = #expect(throws: Failure.self) {
            try PostgresBinaries.find(path: "/bin:/nowhere", debian: "/nowhere") { _ in false }
        }
        #expect(error?.description.contains("apt-get install postgresql") == true)
    }

    @Test func `Programs in PATH come before the packaged ones`() throws {
        let found = try PostgresBinaries.find(path: "/a:/b", debian: "/nowhere") { $0.hasPrefix("/b/") }
        #expect(found.directory == "/b")
    }
}
