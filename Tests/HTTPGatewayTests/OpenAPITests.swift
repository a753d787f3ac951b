import HTTP
import Testing

@testable import HTTPGateway

@Suite(.timeLimit(.minutes(5)))
struct OpenAPITests {
    private let document: JSONValue

    init() throws {
        document = try JSONValue(parsing: OpenAPIDocument.bytes(Operation.all))
    }

    @Test func `The document lists exactly the calls of the route table`() throws {
        guard case .object(let paths)? = document["paths"] else {
            Issue.record("the document has no paths")
            return
        }
        let listed = paths.flatMap { path -> [String] in
            guard case .object(let methods) = path.value else { return [] }
            return methods.map { "\($0.name.uppercased()) \(path.name)" }
        }
        #expect(Set(listed) == Set(Operation.all.map { "\($0.method) \($0.path)" }))
        #expect(listed.count == Operation.all.count)
        #expect(Set(Operation.all.map(\.id)).count == Operation.all.count)
    }

    @Test func `Every schema that is referred to exists, and none is there for nothing`() throws {
        var wanted: Set<String> = []
        func collect(_ value: JSONValue) {
            switch value {
            case .object(let members):
                for member in members {
                    if member.name == "$ref", let path = member.value.string { wanted.insert(path) }
                    collect(member.value)
                }
            case .array(let elements): elements.forEach(collect)
            default: break
            }
        }
        collect(document)
        guard case .object(let schemas)? = document["components"]?["schemas"] else {
            Issue.record("the document has no schemas")
            return
        }
        #expect(wanted == Set(schemas.map { "#/components/schemas/\($0.name)" }))
    }

    @Test func `Each problem code stands in the one table, once`() throws {
        let codes = document["components"]?["schemas"]?["ProblemCode"]?["oneOf"]?.array ?? []
        let names = codes.compactMap { $0["const"]?.string }
        #expect(names == Problem.all.map(\.code))
        #expect(Set(names).count == names.count)
        for operation in Operation.all {
            for problem in operation.problems { #expect(names.contains(problem.code)) }
        }
    }
}
