import BoxOffice
import Foundation
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import usher

/// `usher runs` on a schema with runs that nobody drives.
@Suite(.timeLimit(.minutes(5)))
struct RunsCommandTests {
    private struct Line: Decodable {
        let id: Int64
        let state: String
    }

    private func usher(_ database: TestDatabase, _ words: [String]) async throws -> BuiltProgram.Result {
        try await BuiltProgram.run(
            ["runs"] + words + ["--database-url", database.url, "--schema", database.schema]
        )
    }

    @Test func `Runs are listed, paused, resumed, cancelled and forked from the command line`() async throws {
        try await withDatabase { database in
            let client = WorkflowClient(postgres: database.client)
            let runs = [
                try await client.start(RefundReservation.self, ReservationID(rawValue: 1), key: "refund 1"),
                try await client.start(RefundReservation.self, ReservationID(rawValue: 2)),
            ]
            func listed(_ words: [String]) async throws -> [String] {
                let output = try await usher(database, ["list", "--json"] + words).output
                return try output.split(separator: "\n").map { text in
                    let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
                    return "\(line.id) \(line.state)"
                }
            }
            #expect(try await listed([]) == ["\(runs[1]) ready", "\(runs[0]) ready"])
            #expect(try await listed(["--key", "refund 1"]) == ["\(runs[0]) ready"])
            #expect(try await listed(["--created-before", "1h"]) == [])
            #expect(
                try await usher(database, ["pause", "\(runs[0])"]).output == "run \(runs[0]) is paused\n"
            )
            #expect(try await listed(["--state", "paused"]) == ["\(runs[0]) paused"])
            let again = try await usher(database, ["pause", "\(runs[0])"])
            #expect(again.status == 1 && again.errors.contains("is paused; only a live run"), "\(again)")
            #expect(
                try await usher(database, ["pause", "--all", "--dry-run"]).output
                    == "2 runs match; nothing was done\n"
            )
            #expect(
                try await usher(database, ["pause", "--workflow", RefundReservation.name]).output
                    == "2 runs matched, 1 were paused\n"
            )
            #expect(
                try await usher(database, ["resume", "--all"]).output == "2 runs matched, 2 were resumed\n"
            )
            #expect(try await usher(database, ["replay", "--all"]).status == 0)
            #expect(
                try await usher(database, ["cancel", "\(runs[1])"]).output == "run \(runs[1]) is cancelled\n"
            )
            #expect(try await usher(database, ["export", "--all"]).output.split(separator: "\n").count == 2)
            let shown = try await usher(database, ["show", "\(runs[1])"])
            #expect(shown.status == 0 && shown.output.contains("nothing is recorded yet"), "\(shown)")
            let fork = try await usher(database, ["fork", "\(runs[0])", "--from", "pay"])
            #expect(fork.errors.contains("it has recorded nothing since it began"), "\(fork)")
        }
    }

    @Test func `Bad input is answered with one line that says what is accepted`() async throws {
        for (words, line) in [
            (["pause"], "usher runs pause: say which: an ID, a filter (--workflow, "),
            (["pause", "x"], "usher runs pause: ID is a number, not \"x\""),
            (["pause", "1", "--workflow", "a"], "usher runs pause: takes an ID or a filter, not both"),
            (["show"], "usher runs show: ID is missing"),
            (["list", "--state", "odd"], "usher runs list: --state is one of scheduled, ready, running, "),
            (
                ["list", "--created-after", "soon"],
                "usher runs list: --created-after takes an instant such as "
            ),
            (["list", "--attribute", "a"], "usher runs list: --attribute takes a name and a value"),
            (["fork", "1"], "usher runs fork: --from STEP is missing"),
        ] {
            let result = try await BuiltProgram.run(["runs"] + words)
            #expect(result.status == 2 && result.output.isEmpty)
            #expect(
                result.errors.hasPrefix(line) && result.errors.split(separator: "\n").count == 1,
                "\(result)"
            )
        }
    }

    @Test func `A timeline draws steps, waits, failures, events and new claims to scale`() throws {
        let history = try RunHistory(
            document: JSONB(
                text: """
                    {"run":12,"workflow":"order","queue":"default","state":"done","code_version":2,"generation":0,
                    "failures":0,"error":null,"created_at":0,"finished_at":10000000,"input":{"order":7},"output":"ok",
                    "steps":[{"key":"reserve","kind":"result","value":1,"epoch":1,"at":1000000},
                    {"key":"wait","kind":"wait","value":{},"epoch":2,"at":6000000},
                    {"key":"charge","kind":"result","value":1,"epoch":4,"at":8000000},
                    {"key":"pack","kind":"error","value":"none left","epoch":5,"at":10000000}],
                    "events":[{"name":"paid","value":1,"at":5000000}],"values":[],"attributes":[],"children":[]}
                    """
            )
        )
        let lines = RunTimeline(history, now: .now, width: 80).lines
        #expect(lines.allSatisfy { $0.count <= 80 }, "\(lines.joined(separator: "\n"))")
        #expect(lines[0] == "run 12  order version 2  done  10.0s, claimed 1×")
        func line(_ name: String) throws -> String { try #require(lines.first { $0.hasPrefix(name) }) }
        let (work, gap) = (try line("reserve").count { $0 == "█" }, try line("wait").count { $0 == "░" })
        #expect(gap > 4 * work - 5 && gap < 6 * work, "\(lines.joined(separator: "\n"))")
        #expect(try line("paid").contains("◆") && line("pack").contains("▒"))
        // The first new claim was for the wait, as it must be; the others were not.
        #expect(
            lines.filter { $0.hasPrefix("~") }
                == ["~ claimed again: epoch 2 → 4", "~ claimed again: epoch 4 → 5"]
        )
        #expect(lines.last == "returned \"ok\"")
        #expect(
            RunTimeline.text(.milliseconds(61_500)) == "1m01s"
                && RunTimeline.text(.seconds(90_000)) == "1d01h"
        )
    }
}
