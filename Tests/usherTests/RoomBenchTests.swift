import HTTP
import Reactor
import Testing

@testable import usher

/// The load that the box office's benches make, and one of them as a process.
@Suite(.timeLimit(.minutes(5)))
struct RoomBenchTests {
    @Test func `A load's report is read as it was said, among other lines`() throws {
        var report = LoadReport()
        report.latencies.add(microseconds: 1234)
        report.successes = 7
        report.refusals = 2
        report.lost = 1
        report.took = .milliseconds(1500)
        report.cpu = .microseconds(3)
        #expect(LoadReport(output: "a warning\n\(report.line)\nanother\n") == report)
        for output in ["", "bench load", "bench load 1:2 3 4", "said bench load 1:2 3 4 5 6 7"] {
            #expect(LoadReport(output: output) == nil, "\(output)")
        }
    }

    @Test func `An answer counts when it is whole, and not before`() {
        let text = "HTTP/1.1 201 Created\r\nDate: x\r\nContent-Length: 15\r\n\r\n{\"place\":\"p_1\"}"
        let bytes = Array(text.utf8)
        for end in 0..<bytes.count { #expect(ResponseGlance.status(of: bytes[..<end]) == nil, "\(end)") }
        #expect(ResponseGlance.status(of: bytes[...]) == 201)
        // The buffer of a connection may hold something before it.
        let later = Array("..".utf8) + bytes
        #expect(ResponseGlance.status(of: later[2...]) == 201)
        #expect(
            ResponseGlance.string("place", in: later[2...]).map { String(decoding: $0, as: UTF8.self) }
                == "p_1"
        )
        #expect(ResponseGlance.string("token", in: bytes[...]) == nil)
        #expect(ResponseGlance.status(of: Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)[...]) == 204)
    }

    /// Answers every request with what `reply` says, and loads it.
    private static func load(
        _ count: Int,
        over: Duration,
        _ reply: @escaping @Sendable (HTTPRequest) -> Reply
    ) async throws -> (LoadReport, answers: Int) {
        let loops = try EventLoopGroup(count: 1, name: "server")
        let loop = try EventLoop(name: "load")
        defer {
            loop.stop()
            loops.stop()
        }
        let server = HTTPServer(loops: loops, handler: reply)
        let port = try await server.start(address: "127.0.0.1", port: 0)
        let answers = Counted()
        let load = HTTPLoad(loop: loop, total: count, over: over) { number in
            Array("GET /\(number) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        } answer: { _ in
            answers.count += 1
        }
        let report = try await load.run(port: port, connections: 7)
        await server.drain(deadline: .zero)
        return (report, answers.count)
    }

    private final class Counted {
        var count = 0
    }

    @Test(arguments: [Duration.zero, .milliseconds(50)])
    func `A load counts each request once, as answered or refused`(over: Duration) async throws {
        let (report, answers) = try await Self.load(100, over: over) { request in
            .now(HTTPResponse(status: request.path.hasSuffix("3") ? 409 : 200, body: [1, 2]))
        }
        #expect((report.successes, report.refusals, report.lost) == (90, 10, 0))
        #expect(report.latencies.count == 100)
        #expect(answers == 90)
        #expect(report.took >= over * 0.99)
    }

    @Test func `A request whose connection was closed is lost, and the others go on`() async throws {
        let (report, _) = try await Self.load(30, over: .zero) { request in
            // A server closes after what it can't read.
            request.path == "/3"
                ? .now(HTTPResponse(status: 200, headers: ["Connection": "close"]))
                : .now(HTTPResponse(status: 200))
        }
        #expect(report.successes + report.refusals + report.lost == 30)
        #expect(report.successes >= 29)
    }

    @Test func `The joins bench measures our room, and Redis's where it is installed`() async throws {
        let isRedisHere = PostgresBinaries.isExecutable("/usr/bin/redis-server")
        let rooms = ["usher"] + (isRedisHere ? ["redis_always", "redis_everysec"] : [])
        let result = try await BuiltProgram.run([
            "bench", "joins", "--arrivals", "600", "--over", "1s", "--looks", "400", "--sockets", "40",
            "--runs", "1",
            "--wait-idle", "0s", "--rooms", rooms.joined(separator: ","),
        ])
        #expect(result.status == 0, "\(result.errors)")
        let figures = try result.output.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
        #expect(figures.map { $0["room"]?.string } == rooms.flatMap { [$0, $0, $0] })
        let benches = ["joins", "joins.peak", "joins.looks"]
        #expect(figures.map { $0["bench"]?.string } == rooms.flatMap { _ in benches })
        for figure in figures {
            for field in ["median", "p50_ms", "p99_ms"] {
                #expect(figure[field]?.double.map { $0 > 0 } == true, "\(field) of \(figure)")
            }
            for field in ["refused", "lost"] { #expect(figure[field]?.double == 0, "\(field) of \(figure)") }
        }
    }
}
