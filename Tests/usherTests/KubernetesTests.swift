import Foundation
import HTTP
import Jobs
import Postgres
import TestSupport
import Testing

@testable import usher

/// The manifests for Kubernetes: valid by the published schemas, and nothing in them that the program doesn't take.
@Suite(.timeLimit(.minutes(5)))
struct KubernetesTests {
    private static let place = URL(filePath: #filePath).appending(path: "../../../deploy/kubernetes")
        .standardized.path

    /// What the checker says of each object, once all are valid.
    private static func objects() async throws -> [JSONValue] {
        let files = try FileManager.default.contentsOfDirectory(atPath: place).filter {
            $0.hasSuffix(".yaml")
        }
        let script = URL(filePath: #filePath).appending(path: "../../kubernetes_manifests.py").standardized
            .path
        let result = try await SystemProgram.run(
            "python3",
            [script] + files.sorted().map { "\(place)/\($0)" }
        )
        try #require(result.status == 0, "\(result.text)")
        return try result.text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
    }

    private static func texts(_ value: JSONValue?) -> [String] { value?.array?.compactMap(\.string) ?? [] }

    @Test func `Each is valid, and each process is told what it takes`() async throws {
        let objects = try await Self.objects()
        func names(_ kind: String) -> Set<String> {
            Set(objects.filter { $0["kind"]?.string == kind }.compactMap { $0["name"]?.string })
        }
        let parser = CommandParser(root: .usher, environment: [:])
        var known: Set<String> = []
        func collect(_ command: Command) {
            known.formUnion(command.options.compactMap(\.environment))
            command.subcommands.forEach(collect)
        }
        collect(.usher)
        var processes = 0
        for object in objects {
            for words in object["args"]?.array ?? [] {
                guard case .run = try parser.parse(Self.texts(words)) else {
                    Issue.record("\(object)")
                    continue
                }
                processes += 1
            }
            let environment = Set(Self.texts(object["environment"]))
            #expect(environment.subtracting(known) == [], "\(object)")
        }
        #expect(processes == 7)
        // Whatever is scaled is there, and whatever is always there may not go all at once.
        let scaled = Set(objects.compactMap { $0["target"]?.string })
        #expect(scaled.subtracting(names("Deployment")) == [])
        #expect(names("PodDisruptionBudget") == names("Deployment").subtracting(["usher-worker-rehearsals"]))
        let kustomization = try #require(objects.first { $0["kind"]?.string == "Kustomization" })
        let files = Set(objects.compactMap { $0["file"]?.string }).subtracting(["kustomization.yaml"])
        #expect(Set(Self.texts(kustomization["resources"])) == files)
    }

    @Test func `Pools are scaled by what waits in their queues`() async throws {
        let queries = try await Self.objects().flatMap { Self.texts($0["queries"]) }
        #expect(queries.count == 3)
        try await withDatabase { database in
            let store = JobStore(postgres: database.client)
            for queue in ["reservations", "payments", "rehearsals"] { try await store.ensureQueue(queue) }
            let count = 30
            _ = try await store.enqueue(
                (0..<count).map { _ in NewJob(name: "thing", queue: "reservations", input: JSONB(text: "{}"))
                }
                    + [NewJob(name: "thing", queue: "rehearsals", input: JSONB(text: "{}"))]
            )
            var counts: [Int] = []
            for query in queries {
                let sql = query.replacing("usher.", with: "\"\(database.schema)\".")
                let rows = try await database.client.query(Query("test.scale", SQL(stringLiteral: sql)))
                counts.append(try rows[0][0])
            }
            #expect(counts == [count, 0, 1])
        }
    }
}
