import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

/// Inputs that a job reads by hand instead of by `Codable`.
@Suite(.timeLimit(.minutes(5)))
struct HandReadInputTests {
    /// Its input is a JSON number, of which only digits are read.
    private struct Square: Job {
        static let name = "square"

        struct NotANumber: Error, CustomStringConvertible {
            let text: String
            var description: String { "\(text) is not a number" }
        }

        static func decode(_ json: JSONB) throws -> Int {
            guard let number = Int(json.text) else { throw NotANumber(text: json.text) }
            // What `Codable` would not have made of it shows which of the two read it.
            return number + 1000
        }

        func perform(_ context: JobContext, _ number: Int) async throws -> Int { number * number }
    }

    @Test func `A job reads its input by hand, and what it can't read is parked with its reason`()
        async throws
    {
        try await withDatabase { database in
            let desk = try await JobDesk(database)
            var registry = WorkflowRegistry()
            registry.register(Square())
            let good = try await desk.enqueue(Square.self, 7)
            let bad = try await desk.store.enqueue([NewJob(name: Square.name, input: JSONB(text: "7.5"))])[0]
            try await withWorker(database, registry) { _ async throws in
                #expect(try await database.ended(good).output?.text == "1014049")
                let parked = try await database.ended(bad)
                #expect(parked.error == "input of square \(bad): 7.5 is not a number")
            }
            #expect(try await desk.kind(bad) == .unreadable)
        }
    }
}
