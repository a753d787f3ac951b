import Foundation
import Jobs
import JobsTesting
import Postgres
import TestSupport
import Testing
import Workflows

/// What the page on timers shows is what is compiled and run.
@Suite(.timeLimit(.minutes(5)))
struct TimersPageTests {
    private static let here = URL(filePath: #filePath)

    private func page() throws -> String {
        let url = Self.here.appending(path: "../../../docs/timers.md").standardized
        return try String(contentsOf: url, encoding: .utf8)
    }

    @Test func `The page shows the example as it is compiled`() throws {
        let url = Self.here.deletingLastPathComponent().appending(path: "CartExample.swift")
        let example = try String(contentsOf: url, encoding: .utf8)
        #expect(try page().contains("```swift\n\(example)```\n"))
    }

    @Test func `The page's carts that nobody orders are put back by the page's function`() async throws {
        let sql = try #require(try page().firstMatch(of: #/```sql\n(CREATE FUNCTION(?s:.)+?)```/#)?.1)
        try await withDatabase { database in
            try await database.create("CREATE TABLE shelf (item text PRIMARY KEY, free int NOT NULL)")
            try await database.create("INSERT INTO shelf VALUES ('lamp', 10), ('chair', 10)")
            try await database.create(SQL(stringLiteral: String(sql)))
            var registry = WorkflowRegistry()
            registry.register(Cart())
            let tester = WorkflowTester(postgres: database.client, registry: registry)
            var carts: [JobID] = []
            for item in ["lamp", "chair", "lamp"] {
                carts.append(try await tester.client.start(Cart.self, .init(item: item, quantity: 2)))
            }
            try await tester.drain()
            #expect(try await free(database) == ["chair 8", "lamp 6"])
            #expect(try await tester.client.send(Cart.ordered, 77, to: carts[0]) == .delivered)
            try await tester.drain()
            try await tester.advance(by: .seconds(601))
            #expect(try await free(database) == ["chair 10", "lamp 8"])
            var outcomes: [String?] = []
            for cart in carts { outcomes.append(try await tester.client.result(of: cart, Cart.self)) }
            #expect(outcomes == ["ordered as 77", "expired", "expired"])
            #expect(try await tester.client.send(Cart.ordered, 78, to: carts[1]) == .ended)
        }
    }

    private func free(_ database: TestDatabase) async throws -> [String] {
        try await database.client.query(
            Query("test_shelf", "SELECT item || ' ' || free FROM shelf ORDER BY item")
        ).map { try $0[0] }
    }
}
