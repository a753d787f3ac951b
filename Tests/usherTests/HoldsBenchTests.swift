import HTTP
import Testing

@testable import usher

/// The benches of holds and of their end, as processes.
@Suite(.timeLimit(.minutes(5)))
struct HoldsBenchTests {
    private static func figures(_ result: BuiltProgram.Result) throws -> [JSONValue] {
        #expect(result.status == 0, "\(result.errors)")
        return try result.output.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    @Test func `The holds bench measures each part of the house, beside a floor`() async throws {
        let result = try await BuiltProgram.run([
            "bench", "holds", "--holds", "200", "--pairs", "20", "--seats", "1000", "--batch", "50",
            "--sockets", "20", "--runs", "1", "--wait-idle", "0s",
        ])
        let figures = try Self.figures(result)
        let parts = HoldsBench.Part.allCases
        #expect(figures.map { $0["part"]?.string } == parts.map(\.rawValue))
        for (part, figure) in zip(parts, figures) {
            #expect(figure["bench"]?.string == "holds" && figure["unit"]?.string == "holds/s")
            for field in ["median", "floor_median", "p50_ms", "p99_ms"] {
                #expect(figure[field]?.double.map { $0 > 0 } == true, "\(field) of \(figure)")
            }
            #expect(figure["lost"]?.double == 0, "\(figure)")
            // Two transactions that choose at the same moment may want the same seats.
            if !part.isSeated { #expect(figure["refused"]?.double == 0, "\(figure)") }
        }
    }

    @Test func `The expiries bench ends every hold, beside a floor`() async throws {
        let result = try await BuiltProgram.run([
            "bench", "expiries", "--holds", "300", "--runs", "1", "--wait-idle", "0s",
        ])
        let figures = try Self.figures(result)
        #expect(figures.count == 1)
        for field in ["median", "floor_median", "holds_per_s"] {
            #expect(figures.first?[field]?.double.map { $0 > 0 } == true, "\(field) of \(figures)")
        }
    }

    @Test func `The events bench plays a sale with the log and without it, and has a consumer catch up`()
        async throws
    {
        let result = try await BuiltProgram.run([
            "bench", "events", "--buyers", "300", "--behind", "2000", "--runs", "1", "--wait-idle", "0s",
        ])
        let figures = try Self.figures(result)
        #expect(figures.map { $0["bench"]?.string } == ["event_log", "event_catch_up"])
        #expect(
            figures.first?["sold"]?.double == 120 && (figures.first?["events"]?.double ?? 0) > 100,
            "\(figures)"
        )
        let ratio = figures.first?["ratio"]?.double ?? 0
        #expect(ratio > 1 && ratio < 3, "\(figures)")
        #expect(figures.last?["median"]?.double.map { $0 > 0 } == true)
    }

    @Test func `The admission bench calls from lines of several lengths`() async throws {
        let result = try await BuiltProgram.run([
            "bench", "admission", "--waiting", "1000,2000", "--ticks", "10", "--runs", "1", "--wait-idle",
            "0s",
        ])
        let figures = try Self.figures(result)
        #expect(figures.map { $0["waiting"]?.int } == [1000, 2000])
        for figure in figures { #expect(figure["median"]?.double.map { $0 > 0 } == true, "\(figure)") }
        let refused = try await BuiltProgram.run(["bench", "admission", "--waiting", "10"])
        #expect(
            refused.status != 0
                && refused.errors.contains("--waiting takes whole numbers from 1000 to 10000000")
        )
    }

    @Test(arguments: [
        (
            ["--only", "grants"],
            "--only names grant, durable, http, seats_grant, seats_http, not \"grants\""
        ),
        (
            ["--pairs", "1000", "--seats", "5000"],
            "--seats takes at least 44 times --pairs (44000), not 5000"
        ),
    ])
    func `What can't be measured is refused`(words: [String], message: String) async throws {
        let result = try await BuiltProgram.run(["bench", "holds"] + words)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
    }
}
