import Foundation
import Postgres
import TestSupport
import Testing

@testable import EventLog

/// Those who know nothing of this code read the same changes: Postgres's own client, with Debian's wal2json.
@Suite("Witnesses of change capture", .timeLimit(.minutes(5)))
struct WitnessTests {
    /// One change as wal2json writes it.
    private struct Change: Decodable {
        struct Column: Decodable {
            enum Value: Decodable, Equatable {
                case number(Int64)
                case text(String)

                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    // A value is of one type or of another: what is no number is read as what follows.
                    if let number = try? container.decode(Int64.self) {
                        self = .number(number)
                    } else {
                        self = .text(try container.decode(String.self))
                    }
                }
            }

            let name: String
            let value: Value?
        }

        let action: String
        let schema: String?
        let table: String?
        let columns: [Column]?

        func value(_ name: String) -> Column.Value? { columns?.first { $0.name == name }?.value ?? nil }
    }

    @Test func `wal2json and pg_recvlogical see the inserts that the capture tells`() async throws {
        try await CaptureDesk.with { desk in
            let common = [
                "-h", "127.0.0.1", "-p", "\(desk.cluster.port)", "-U", "usher", "-d", CaptureDesk.database,
                "--slot", "witness",
            ]
            let made = try await SystemProgram.run(
                "pg_recvlogical",
                common + ["--create-slot", "-P", "wal2json"]
            )
            #expect(made.status == 0, "\(made.text)")
            try await desk.capturing { _ in
                for onSale in Int64(1)...5 { try await desk.write(20, of: onSale) }
                try await desk.client.simple(
                    """
                    BEGIN; INSERT INTO facts (on_sale_id, recorded_at, kind, data) VALUES (9, now(), 'test.gone', '{}');
                    ROLLBACK
                    """
                )
                try await desk.write(1)
                await desk.sink.wait { $0.count == 101 }
            }
            let end: String = try await desk.client.query(
                Query("end", "SELECT pg_current_wal_flush_lsn()::text")
            )[0][0]
            try await SystemProgram.withDirectory { directory in
                let file = "\(directory)/changes"
                let read = try await SystemProgram.run(
                    "pg_recvlogical",
                    common + [
                        "--start", "--endpos", end, "--no-loop", "-f", file, "-o", "format-version=2", "-o",
                        "include-timestamp=false",
                    ]
                )
                #expect(read.status == 0, "\(read.text)")
                let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
                let changes = try lines.map {
                    try JSONDecoder().decode(Change.self, from: Data($0.utf8))
                }
                let inserts = changes.filter {
                    $0.action == "I" && $0.schema == CaptureDesk.schema
                        && $0.table?.hasPrefix("facts_") == true
                }
                let facts = desk.sink.facts
                #expect(facts.count == 101)
                // One writer: the order of commits is that of the log.
                #expect(inserts.map { $0.value("seq") } == facts.map { .number($0.seq) })
                #expect(inserts.map { $0.value("on_sale_id") } == facts.map { .number($0.onSale) })
                #expect(inserts.map { $0.value("kind") } == facts.map { .text($0.kind) })
                #expect(inserts.map { $0.value("data") } == facts.map { .text($0.data.text) })
            }
        }
    }
}
