import Foundation
import Reactor
import TestSupport
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(5)))
struct AccessLogTests {
    private func file() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "usher-access-\(UUID()).log")
    }

    /// The lines of the file once there are so many of them.
    private func lines(_ file: URL, _ count: Int) async throws -> [JSONValue] {
        while true {
            let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
            let lines = text.split(separator: "\n")
            if text.hasSuffix("\n"), lines.count >= count {
                return try lines.map { try JSONValue(parsing: Array($0.utf8)) }
            }
            await Task.yield()
        }
    }

    private func record(_ status: Int) -> AccessRecord {
        AccessRecord(
            client: nil,
            method: .get,
            call: "c",
            status: status,
            bytes: 1,
            took: .zero,
            requestID: "r",
            isEncrypted: false
        )
    }

    @Test func `Each answer is a line, without targets, headers and bodies`() async throws {
        let file = file()
        defer { try? FileManager.default.removeItem(at: file) }
        var configuration = HTTPServerConfiguration()
        configuration.accessLog = try AccessLog(path: file.path, sample: 1)
        let fixture = try await HTTPServerTests.Fixture(configuration) { request in
            var response = HTTPResponse.text("secret body")
            response.call = "call.name"
            let answer = response
            return request.path == "/later" ? .later { answer } : .now(answer)
        }
        let raw = try await RawConnection(port: fixture.port)
        try await raw.send(
            "GET /token-in-path?token=t HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer token\r\n\r\n"
                + "HEAD /later HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n"
        )
        let answer = try await raw.read()
        raw.close()
        let lines = try await lines(file, 3)
        #expect(lines.map { $0["status"]?.int } == [200, 200, 400])
        #expect(lines.map { $0["method"]?.string } == ["GET", "HEAD", nil])
        #expect(lines.map { $0["call"]?.string } == ["call.name", "call.name", nil])
        #expect(lines.map { $0["bytes"]?.int }.prefix(2) == [11, 0])
        for line in lines {
            #expect(line["client"]?.string == "127.0.0.1")
            #expect(answer.contains("X-Request-Id: \(line["request_id"]?.string ?? "none")"))
            #expect(line["time"]?.string?.count == 24)
            #expect((line["took_us"]?.int).map { $0 >= 0 && $0 < 300_000_000 } == true)
        }
        let text = try String(contentsOf: file, encoding: .utf8)
        for secret in ["token", "Bearer", "secret", "nonsense"] { #expect(!text.contains(secret)) }
        await fixture.stop()
        configuration.accessLog?.close()
    }

    @Test func `A sample has its share, failures are beyond it, and too many of them are counted`()
        async throws
    {
        let file = file()
        defer { try? FileManager.default.removeItem(at: file) }
        let log = try AccessLog(path: file.path, sample: 0.1)
        for _ in 0..<1_000 { log.note(record(200)) }
        for _ in 0..<20 { log.note(record(503)) }
        log.close()
        // A low-discrepancy sequence: of any thousand in a row, a hundred but a few.
        let lines = try await lines(file, 115)
        let good = lines.count { $0["status"]?.int == 200 }
        #expect((95...105).contains(good))
        #expect(lines.count { $0["status"]?.int == 503 } == 20)
        log.note(record(503))
    }

    @Test func `Without a sample only failures are there, and a flood of them is cut off and counted`()
        async throws
    {
        let file = file()
        defer { try? FileManager.default.removeItem(at: file) }
        let log = try AccessLog(path: file.path, sample: 0)
        for _ in 0..<100 { log.note(record(200)) }
        for _ in 0..<50_000 { log.note(record(500)) }
        var noted = 50_000
        // In another second there is room again, and what was left out is told first.
        var told: [Int64] = []
        while told.isEmpty {
            log.note(record(500))
            noted += 1
            told = try await lines(file, 1_000).compactMap { $0["dropped"]?.int }
        }
        log.close()
        let written = try await lines(file, 1_000).count { $0["status"]?.int == 500 }
        #expect(written < 10_000)
        #expect(told.reduce(0, +) > 0)
        #expect(told.reduce(0, +) + Int64(written) <= Int64(noted))
    }

    @Test func `A file that can't be written is named`() {
        let error = #expect(throws: AccessLogError.self) {
            try AccessLog(path: "/nonexistent/access.log", sample: 1)
        }
        #expect(
            error?.description
                == "cannot write the access log /nonexistent/access.log: No such file or directory"
        )
    }
}
