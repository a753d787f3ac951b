import HTTP
import Reactor
import Testing

@testable import usher

/// The bench of the gateway, in parts and as a process.
@Suite(.timeLimit(.minutes(5)))
struct GatewayBenchTests {
    private static func figures(_ result: BuiltProgram.Result) throws -> [JSONValue] {
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    @Test func `What wrk prints is read, failures and all`() throws {
        let output = """
            Running 2s test @ http://127.0.0.1:8080/
              1 threads and 10 connections
              Thread Stats   Avg      Stdev     Max   +/- Stdev
                Latency     1.18ms    2.19ms  21.68ms   90.63%
                Req/Sec    26.64k     5.34k   35.10k    70.00%
              Latency Distribution
                 50%  305.00us
                 75%  698.00us
                 90%    3.73ms
                 99%    1.05s
              53010 requests in 2.00s, 12.64MB read
              Socket errors: connect 0, read 3, write 0, timeout 2
              Non-2xx or 3xx responses: 4
            Requests/sec:  26467.65
            Transfer/sec:      6.31MB
            """
        let result = try #require(Wrk.Result(output: output))
        #expect(result.rate == 26467.65 && result.p50Milliseconds == 0.305)
        #expect(result.p99Milliseconds == 1050 && result.failures == 9)
        let fine = output.split(separator: "\n").filter { !$0.contains("errors") && !$0.contains("Non-2xx") }
        #expect(Wrk.Result(output: fine.joined(separator: "\n"))?.failures == 0)
        #expect(Wrk.Result(output: "unable to connect to 127.0.0.1:8080 Connection refused") == nil)
    }

    @Test func `A listener's reports are read as they were said`() {
        let first = MonotonicTime(nanoseconds: 123)
        let last = MonotonicTime(nanoseconds: 456)
        for report in [
            ListenReport.open(7, lost: 1), .told(gateway: 2, seq: 9, first: first, last: last),
        ] {
            #expect(ListenReport(line: report.line) == report)
        }
        for line in ["", "bench listen", "bench listen open 7", "bench listen told 1 2 3", "a warning"] {
            #expect(ListenReport(line: line) == nil, "\(line)")
        }
    }

    @Test func `Buyers poll when they were told to, and not after the end`() throws {
        let start = MonotonicTime(nanoseconds: 1_000_000_000)
        let agenda = PollAgenda(buyers: 4, spread: .milliseconds(400), length: .seconds(1))
        agenda.begin(at: start)
        #expect(agenda.take(at: start) == nil, "the first are due in the second slot")
        var order: [Int] = []
        for milliseconds in stride(from: 0, to: 500, by: 10) {
            while let (buyer, due) = agenda.take(at: start + .milliseconds(milliseconds)) {
                #expect(due <= start + .milliseconds(milliseconds))
                order.append(buyer)
            }
        }
        #expect(order == [0, 1, 2, 3])
        #expect(!agenda.isOver)
        // Told to come back at once, in an hour, and not at all: the clock is far beyond the end by now.
        agenda.answered(0, Array(#"{"poll_after_ms":0}"#.utf8)[...])
        agenda.answered(1, Array(#"{"poll_after_ms":3600000}"#.utf8)[...])
        agenda.answered(2, nil)
        #expect(agenda.take(at: start + .seconds(2)) == nil && agenda.isOver)
    }

    @Test func `A load polls as often as its answers say`() async throws {
        let loops = try EventLoopGroup(count: 1, name: "server")
        let loop = try EventLoop(name: "load")
        defer {
            loop.stop()
            loops.stop()
        }
        let polls = Lock<[String: Int]>([:])
        let server = HTTPServer(loops: loops) { request in
            polls.withLock { $0[request.path, default: 0] += 1 }
            return .now(.json(Array(#"{"state":"waiting","poll_after_ms":50,"seq":1}"#.utf8)))
        }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        let agenda = PollAgenda(buyers: 20, spread: .milliseconds(100), length: .seconds(2))
        let load = HTTPLoad(loop: loop, agenda: agenda) { number in
            Array("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        }
        let report = try await load.run(port: port, connections: 3)
        await server.drain(deadline: .zero)
        #expect(report.refusals == 0 && report.lost == 0)
        let counts = polls.withLock { $0 }
        #expect(counts.count == 20 && counts.values.reduce(0, +) == report.successes)
        // However slow the machine, nobody polls more often than told: two seconds are forty times 50 ms.
        for (path, count) in counts { #expect((2...41).contains(count), "\(path): \(count)") }
    }

    @Test func `The gateway bench measures status, sockets and polls`() async throws {
        let result = try await BuiltProgram.run([
            "bench", "gateway", "--only", "status,sockets,polls", "--runs", "1", "--seconds", "1",
            "--keep-alive", "8", "--sockets", "60",
            "--gateways", "2", "--ticks", "2", "--waiting", "50,200", "--join-rate", "20", "--hold-rate",
            "20",
            "--wait-idle", "0s",
        ])
        let figures = try Self.figures(result)
        let benches = [
            "gateway.status", "gateway.status", "gateway.status", "gateway.sockets", "gateway.tick",
            "gateway.polls", "gateway.polls",
        ]
        #expect(figures.map { $0["bench"]?.string } == benches)
        #expect(figures.prefix(3).map { $0["server"]?.string } == ["usher", "nginx", "haproxy"])
        for figure in figures.prefix(3) {
            for field in ["median", "p50_ms", "p99_ms", "server_cpu_share", "load_cpu_share"] {
                #expect(figure[field]?.double.map { $0 > 0 } == true, "\(field) of \(figure)")
            }
            #expect(figure["failures"]?.double == 0, "\(figure)")
        }
        #expect(figures.first?["ratio"]?.double.map { $0 > 0 } == true)
        for figure in figures.dropFirst(3).prefix(2) {
            #expect(figure["config"]?.string?.hasPrefix("60 idle WebSockets") == true, "\(figure)")
        }
        #expect(figures.dropFirst(4).first?["from_change_s"]?.double.map { $0 > 0 } == true)
        #expect(figures.suffix(2).map { $0["waiting"]?.int } == [50, 200])
        for figure in figures.suffix(2) {
            for field in ["polls_per_s", "joins_per_s", "holds_per_s", "p99_ms"] {
                #expect(figure[field]?.double.map { $0 > 0 } == true, "\(field) of \(figure)")
            }
            for field in ["polls_refused", "refused", "lost"] {
                #expect(figure[field]?.double == 0, "\(field) of \(figure)")
            }
        }
    }

    @Test func `The gateway bench measures the honest beside the hostile`() async throws {
        let result = try await BuiltProgram.run([
            "bench", "gateway", "--only", "hostile", "--runs", "1", "--seconds", "1", "--hostile",
            "20,20,3,4",
            "--join-rate", "50", "--wait-idle", "0s",
        ])
        let figures = try Self.figures(result)
        #expect(figures.map { $0["kind"]?.string } == ["none", "slow", "half-open", "oversized", "deaf"])
        for figure in figures {
            #expect(figure["joins_per_s"]?.double.map { $0 > 0 } == true, "\(figure)")
            #expect(figure["refused"]?.double == 0 && figure["lost"]?.double == 0, "\(figure)")
        }
        #expect(figures.dropFirst().first?["hostile_open"]?.double == 20)
        // Headers of a megabyte are refused, and that is all that is heard of them.
        let oversized = figures.first { $0["kind"]?.string == "oversized" }
        #expect(oversized?["answered_431"]?.double.map { $0 > 0 } == true, "\(oversized ?? .null)")
    }

    @Test func `A report of hostile clients is read as it was said`() {
        for report in [
            HostileReport(open: 3, closed: 2, answers: [408: 1, 431: 7]),
            .init(open: 0, closed: 0, answers: [:]),
        ] {
            #expect(HostileReport(line: report.line) == report)
        }
        for line in ["", "hostile", "hostile 1", "hostile 1 x", "hostile 1 2 408", "other 1 2"] {
            #expect(HostileReport(line: line) == nil, "\(line)")
        }
    }

    @Test(arguments: [
        (["--only", "stati"], "--only names status, sockets, polls, hostile, not \"stati\""),
        (["--rivals", "apache"], "--rivals names nginx, haproxy, not \"apache\""),
        (["--hostile", "1,2"], "--hostile takes 4 counts, not 2"),
        (
            ["--waiting", "many"],
            "--waiting takes numbers from 1 to 2000000, separated by commas, not \"many\""
        ),
    ])
    func `What can't be measured is refused`(words: [String], message: String) async throws {
        let result = try await BuiltProgram.run(["bench", "gateway"] + words)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
    }

    @Test func `A program that is not installed is one line that names its package`() {
        let error = #expect(throws: Failure.self) {
            try StatusServer.find("no-such-server", package: "nginx-light", path: "/nowhere")
        }
        #expect(error?.description.contains("apt-get install nginx-light") == true)
    }
}
