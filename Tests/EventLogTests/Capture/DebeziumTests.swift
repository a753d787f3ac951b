import Foundation
import HTTP
import Postgres
import TestSupport
import Testing

@testable import EventLog

/// The configuration for Debezium, against the table that it is for.
///
/// Debezium itself can't be run here.
@Suite("Debezium's configuration", .timeLimit(.minutes(5)))
struct DebeziumTests {
    private static let directory = URL(filePath: #filePath)
        .appending(path: "../../../../deploy/debezium").standardized

    private func configuration() throws -> [String: String] {
        let bytes = [UInt8](try Data(contentsOf: Self.directory.appending(path: "usher-facts.json")))
        let document = try JSONValue(parsing: bytes)
        #expect(document["name"]?.string == "usher-facts")
        guard case .object(let members) = document["config"] else { return [:] }
        // Connect takes texts only.
        return try Dictionary(
            uniqueKeysWithValues: members.map { ($0.name, try #require($0.value.string, "\($0.name)")) }
        )
    }

    @Test func `it names columns of the log, of types that the router takes`() async throws {
        let configuration = try configuration()
        let outbox = "transforms.outbox."
        func value(_ name: String) throws -> String { try #require(configuration[name], "\(name)") }
        try await withDatabase { database in
            let rows = try await database.client.query(
                Query(
                    "test.columns",
                    """
                    SELECT column_name::text, data_type::text, is_nullable = 'NO' FROM information_schema.columns
                    WHERE table_schema = \(database.schema) AND table_name = 'facts'
                    """
                )
            )
            let types = try Dictionary(
                uniqueKeysWithValues: rows.map { (try $0[0] as String, try $0[1] as String) }
            )
            #expect(try rows.map { try $0[2] as Bool } == rows.map { _ in true }, "the router fails on NULL")
            #expect(types[try value(outbox + "table.field.event.id")] == "bigint")
            #expect(types[try value(outbox + "table.field.event.key")] == "bigint")
            #expect(types[try value(outbox + "table.field.event.payload")] == "jsonb")
            #expect(types[try value(outbox + "route.by.field")] == "text")
            #expect(configuration[outbox + "table.field.event.timestamp"] == nil, "that takes no timestamptz")
            let placed = try value(outbox + "table.fields.additional.placement").split(separator: ",").map {
                $0.split(separator: ":").map(String.init)
            }
            for place in placed {
                #expect(place.count == 3 && place[1] == "header" && types[place[0]] != nil, "\(place)")
            }
            // Nothing of a fact is left out.
            let named = placed.map { $0[0] } + ["seq", "on_sale_id", "data"]
            #expect(Set(named) == Set(types.keys))
        }
    }

    @Test func `it reads the publication that our own bridge makes, from a slot of its own`() async throws {
        let configuration = try configuration()
        #expect(configuration["plugin.name"] == "pgoutput")
        #expect(configuration["publication.autocreate.mode"] == "disabled")
        #expect(configuration["table.include.list"] == "usher.facts")
        let client = PostgresClient(
            try PostgresConfiguration(url: "postgresql://127.0.0.1:1/x"),
            loops: try TestLoops.shared.get()
        )
        let capture = FactCapture(
            postgres: client,
            schema: "usher",
            settings: .init(name: "kafka"),
            sink: KeepingSink()
        )
        #expect(configuration["publication.name"] == capture.slot.publication)
        let slot = try #require(configuration["slot.name"])
        #expect(slot != capture.slot.name)
        #expect(slot == FactCapture.slotName(schema: "usher", consumer: "debezium"))
        // The predicate is of the topic that rows of the table have before they are routed.
        let pattern = try #require(configuration["predicates.facts.pattern"])
        let topic = "\(configuration["topic.prefix"] ?? "").usher.facts"
        #expect(topic.range(of: "^(\(pattern))$", options: .regularExpression) != nil)
    }

    @Test func `the statements of its README work, and the publication has the log and no parts of it`()
        async throws
    {
        let readme = try String(
            contentsOf: Self.directory.appending(path: "README.md"),
            encoding: .utf8
        )
        let start = try #require(readme.range(of: "CREATE PUBLICATION"))
        let end = try #require(readme[start.lowerBound...].firstIndex(of: ";"))
        let statement = String(readme[start.lowerBound..<end])
        try await withDatabase { database in
            let schema = database.schema
            try await database.client.simple(statement.replacing("usher", with: schema))
            let tables = try await database.client.query(
                Query(
                    "test.tables",
                    """
                    SELECT t.tablename::text FROM pg_publication_tables t JOIN pg_publication p ON p.pubname = t.pubname
                    WHERE t.schemaname = \(schema) AND p.pubinsert AND NOT p.pubupdate AND NOT p.pubdelete
                    """
                )
            )
            #expect(try tables.map { try $0[0] } == ["facts"])
        }
    }
}
