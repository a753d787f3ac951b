import HTTP
import Testing

@testable import usher

/// The bench of searches, as a process.
@Suite(.timeLimit(.minutes(5)))
struct SearchBenchTests {
    @Test func `The search bench files on-sales, finds them all, and says how long searches took`()
        async throws
    {
        let result = try await BuiltProgram.run([
            "bench", "search", "--on-sales", "700", "--runs", "1", "--wait-idle", "0s",
        ])
        #expect(result.status == 0, "\(result.errors)")
        let figures = try result.output.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
        #expect(figures.count == 1)
        let figure = try #require(figures.first)
        #expect(figure["bench"]?.string == "search" && figure["unit"]?.string == "on-sales/s")
        for field in [
            "median", "filed_per_s", "searches", "p50_ms", "p99_ms", "at_rest_p50_ms", "at_rest_p99_ms",
        ] {
            #expect(figure[field]?.double.map { $0 > 0 } == true, "\(field) of \(figure)")
        }
        #expect(figure["lag_max_s"]?.double.map { $0 >= 0 } == true, "\(figure)")
    }
}
