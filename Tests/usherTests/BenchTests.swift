import Glibc
import HTTP
import Reactor
import Testing

@testable import usher

/// What the benches make of their measurements, and one bench as a process.
@Suite(.timeLimit(.minutes(5)))
struct BenchTests {
    @Test(arguments: [([], nil), ([3], 3), ([9, 1, 5], 5), ([4, 1, 3, 2], 2.5)] as [([Double], Double?)])
    func `The median is in the middle`(values: [Double], median: Double?) {
        #expect(Samples(values).median == median)
    }

    @Test func `A percentile is a value that so many did not exceed`() {
        let samples = Samples((1...200).reversed().map(Double.init))
        #expect(samples.percentile(0.5) == 100)
        #expect(samples.percentile(0.99) == 198)
        #expect(samples.percentile(1) == 200)
        #expect(samples.percentile(0) == 1)
        #expect(Samples().percentile(0.5) == nil)
    }

    @Test func `A histogram's percentiles are off by less than two in a hundred`() throws {
        var histogram = LatencyHistogram()
        for microseconds in 1...100_000 { histogram.add(microseconds: Int64(microseconds)) }
        for part in [0.0001, 0.0005, 0.01, 0.5, 0.99, 0.999, 1] {
            let exact = part * 100
            let found = try #require(histogram.percentile(part))
            #expect(found >= exact * 0.999_999 && found <= exact * 1.02, "\(part): \(found)")
        }
        #expect(LatencyHistogram().percentile(0.5) == nil)
    }

    @Test func `A histogram is the same after its word was read, and adds up`() throws {
        var histogram = LatencyHistogram()
        for microseconds: Int64 in [-5, 0, 63, 64, 65, 1000, 1_000_000, 3_600_000_000] {
            histogram.add(microseconds: microseconds)
        }
        let read = try #require(LatencyHistogram(word: histogram.word))
        #expect(read == histogram)
        var twice = read
        twice.add(histogram)
        #expect(twice.count == 16)
        #expect(twice.percentile(0.5) == histogram.percentile(0.5))
        #expect(LatencyHistogram(word: "-") == LatencyHistogram())
        for word in ["", "1", "1:0", "a:1", "1:2:3", "-1:2", "99999:1"] where !word.isEmpty {
            #expect(LatencyHistogram(word: word) == nil, "\(word)")
        }
    }

    @Test func `A worker's reports are read as they were said, and other lines are not reports`() {
        var histogram = LatencyHistogram()
        histogram.add(microseconds: 1234)
        let instant = MonotonicTime(nanoseconds: 77)
        let all: [BenchReport] = [
            .ready, .settled(12, at: instant), .latencies(histogram, at: instant),
            .latencies(LatencyHistogram(), at: instant),
        ]
        for report in all { #expect(BenchReport(line: report.line) == report) }
        for line in ["", "bench", "bench settled x 1", "bench settled 1", "2026 info worker: bench ready"] {
            #expect(BenchReport(line: line) == nil, "\(line)")
        }
    }

    @Test func `A figure is a line of JSON with medians and the ratio to the floor`() throws {
        var figure = BenchFigure("queue", unit: "jobs/s", config: "3 \"runs\"")
        for (ours, floor) in [(30.0, 50.0), (10, 40), (20, 60)] {
            figure.runs.add(ours)
            figure.floor.add(floor)
            figure.add(ServerUsage(walBytes: Int64(ours) * 100, cpuSeconds: 0.001), per: 10)
        }
        figure.add("left_out", nil)
        let line = figure.json(postgres: "15.1")
        let json = try JSONValue(parsing: Array(line.utf8))
        #expect(!line.contains("\n"))
        #expect(json["config"]?.string == "3 \"runs\"")
        #expect(json["left_out"] == nil)
        #expect(
            line.hasSuffix(
                #""median":20.0,"min":10.0,"max":30.0,"floor_median":50.0,"ratio":0.4,"wal_bytes_per_unit":200.0,"#
                    + #""server_cpu_us_per_unit":100.0,"runs":3,"postgres":"15.1"}"#
            )
        )
    }

    @Test func `A server elsewhere has no processor time, and none is made up`() {
        let here = ServerUsage(walBytes: 5, cpuSeconds: 1)
        let elsewhere = ServerUsage(walBytes: 3, cpuSeconds: nil)
        #expect(here - elsewhere == ServerUsage(walBytes: 2, cpuSeconds: nil))
        #expect(here + here == ServerUsage(walBytes: 10, cpuSeconds: 2))
    }

    @Test func `Processor times are read even if a process has an odd name`() {
        let line = "7 (a ) (b) S 3 7 7 0 -1 0 0 0 0 0 150 50 30 20 20 0 1"
        let times = ProcessTimes(stat: line, ticksPerSecond: 100)
        #expect(times?.parent == 3)
        #expect(times?.own == 2)
        #expect(times?.reaped == 0.5)
        #expect(ProcessTimes(stat: "nothing", ticksPerSecond: 100) == nil)
    }

    @Test func `What pgbench prints is read, and nothing is taken from a run that failed`() {
        let output = """
            number of transactions actually processed: 2000/2000
            number of failed transactions: 0 (0.000%)
            latency average = 8.123 ms
            initial connection time = 5.121 ms
            tps = 492.430000 (without initial connection time)
            """
        let result = Pgbench.Result(output: output)
        #expect(result?.transactions == 2000)
        #expect(result?.rate == 492.43)
        #expect(result?.latency == 8.123)
        #expect(
            Pgbench.Result(output: output.replacing("failed transactions: 0", with: "failed transactions: 1"))
                == nil
        )
        #expect(Pgbench.Result(output: "pgbench: error: connection failed") == nil)
    }

    @Test func `What others took of the machine is what is left of its work`() {
        var load = MachineLoad()
        load.count("cpu  100 0 50 800 50 0 0 30 0 0\ncpu0 1 2 3 4 5 6 7 8", ticksPerSecond: 100)
        #expect(load == MachineLoad(busy: 1.5, idle: 8.5, ours: 0))
        load.ours = 0.5
        #expect(load.foreignShare == 0.1)
        load.ours = 2
        #expect(load.foreignShare == 0)
        #expect(MachineLoad().foreignShare == nil)
        #expect((load - load).foreignShare == nil)
    }

    @Test func `Dead rows count where claims delete, and nowhere else`() {
        var before = DeadRows.Reading()
        before.tables = [
            "ready": .init(dead: 5, deleted: 100, scans: 10, entriesRead: 150, rowsFetched: 100),
            "jobs": .init(dead: 3, deleted: 0, scans: 50, entriesRead: 900, rowsFetched: 0),
        ]
        var after = before
        after.tables["ready"] = .init(dead: 9, deleted: 300, scans: 20, entriesRead: 450, rowsFetched: 300)
        after.tables["jobs"] = .init(dead: 4, deleted: 1, scans: 90, entriesRead: 9000, rowsFetched: 0)
        // A leaf made meanwhile counts from nothing.
        after.tables["ready_2"] = .init(dead: 1, deleted: 200, scans: 10, entriesRead: 300, rowsFetched: 200)
        let dead = DeadRows(from: before, to: after)
        #expect(dead.rows == 14)
        #expect(dead.visitedPerScan == 10)
        #expect(DeadRows(from: after, to: after).visitedPerScan == nil)
    }

    @Test(arguments: [
        (["bench"], "usher bench: say what to do: queue"),
        (
            ["bench", "queue", "--runs", "0"],
            "usher bench queue: --runs takes a whole number from 1 to 100, not \"0\""
        ),
        (
            ["bench", "queue", "--open-loop", "500,fast"],
            "usher bench queue: --open-loop takes numbers from 1 to 1000000, separated by commas, not \"fast\""
        ),
        (
            ["bench", "joins", "--rooms", "usher,hall"],
            "usher bench joins: --rooms names usher, redis_always or redis_everysec, not \"hall\""
        ),
        (
            ["bench", "queue", "--floors", "cellar"],
            "usher bench queue: --floors names same_work, upd_del, del1 or none, not \"cellar\""
        ),
    ]) func `A bench that can't be run is refused in one line`(words: [String], message: String) async throws
    {
        let result = try await BuiltProgram.run(words)
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix(message), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(result.output.isEmpty)
    }

    private static func figures(_ words: [String]) async throws -> [JSONValue] {
        let result = try await BuiltProgram.run(["bench"] + words + ["--wait-idle", "0s"])
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    private static func isPositive(_ value: JSONValue?) -> Bool {
        value?.double.map { $0 > 0 } ?? false
    }

    @Test func `The queue bench prints a figure with its costs`() async throws {
        let figures = try await Self.figures([
            "queue", "--jobs", "2000", "--runs", "1", "--floors", "same_work",
        ])
        let figure = try #require(figures.first)
        #expect(figures.count == 1)
        #expect(figure["bench"]?.string == "queue")
        #expect(figure["unit"]?.string == "jobs/s")
        for field in ["median", "min", "max", "wal_bytes_per_unit", "server_cpu_us_per_unit", "enqueue_rate"]
        {
            #expect(Self.isPositive(figure[field]), "\(field)")
        }
        // Where the server's programs are, its pgbench measures the floor.
        if PostgresBinaries.isExecutable("/usr/bin/pgbench") {
            for field in ["floor_median", "ratio", "floor_same_work_500"] {
                #expect(Self.isPositive(figure[field]), "\(field)")
            }
        }
    }

    @Test func `The open loop accounts for every job`() async throws {
        let figures = try await Self.figures([
            "queue", "--open-loop", "200,300", "--seconds", "1", "--runs", "1", "--workers", "2",
        ])
        #expect(figures.map { $0["bench"]?.string } == ["queue.open_loop", "queue.open_loop"])
        for figure in figures {
            for field in ["p50_ms", "p99_ms", "p999_ms", "settled_per_second"] {
                #expect(Self.isPositive(figure[field]), "\(field)")
            }
        }
    }

    @Test(arguments: [
        (
            ["enqueue", "--clients", "2", "--seconds", "1", "--producers", "50"],
            Array(repeating: "enqueue", count: 5) + ["enqueue.waking"],
            ["median", "p99_ms", "wal_bytes_per_unit"]
        ),
        (["latency", "--samples", "20"], ["latency"], ["median", "floor_median", "ratio", "max_ms"]),
        (
            ["scale", "--jobs", "1000", "--counts", "1,2"], ["scale", "scale"],
            ["median", "client_cpu_us_per_unit"]
        ),
        (
            [
                "growth", "--jobs", "1000", "--waiting", "500,3000", "--history", "1200", "--runs", "2",
            ], ["growth", "growth"], ["median", "wal_bytes_per_unit"]
        ),
        (
            ["horizon", "--jobs", "1000", "--hold", "3s", "--apart", "2s", "--load", "5"], ["horizon"],
            ["median", "ratio", "before_p99_ms", "during_p99_ms", "after_p99_ms", "during_dead_rows"]
        ),
        (
            [
                "workflow", "--count", "100", "--parked", "300", "--only", "steps,hold,fan-out,expiry,replay",
            ],
            Array(repeating: "workflow.steps", count: 6) + ["workflow.hold", "workflow.hold"]
                + [
                    "workflow.fan_out", "workflow.expiry", "workflow.expiry", "workflow.replay",
                    "workflow.replay",
                ],
            ["median"]
        ),
    ]) func `Each bench ends with its figures`(
        words: [String],
        benches: [String],
        fields: [String]
    ) async throws {
        let runs = words.contains("--runs") ? [] : ["--runs", "1"]
        let figures = try await Self.figures(words + runs)
        #expect(figures.map { $0["bench"]?.string } == benches)
        for figure in figures {
            for field in fields { #expect(Self.isPositive(figure[field]), "\(field) of \(figure)") }
        }
    }

    @Test func `A bench that is told to end leaves no server and no directory`() async throws {
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        defer { try? FileSystem.remove(directory) }
        guard unsafe chmod(directory, 0o755) == 0 else { throw Failure("chmod") }
        let launch = ProcessLaunch(
            program: BuiltProgram.path,
            arguments: ["bench", "latency", "--wait-idle", "0s"],
            environment: ["PATH": "/usr/bin:/bin", "TMPDIR": directory],
            output: .file("\(directory)/output")
        )
        let pid = try await Reactor.Thread.run(name: "bench") { try launch.start() }
        // The first note comes from the scheduler of the first run.
        while try FileSystem.read("\(directory)/output")?.contains("leading") != true, !Task.isCancelled {
            await Task.yield()
        }
        kill(pid, SIGTERM)
        let exit = try await Reactor.Thread.run(name: "bench") { ProcessExit.wait(for: pid) }
        #expect(exit == .status(1))
        #expect(try FileSystem.read("\(directory)/output")?.contains("ended by a signal") == true)
        #expect(FileSystem.names(in: directory) == ["output"])
    }
}
