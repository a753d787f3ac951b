/// The patterns of a ``Router`` by their segments; knows nothing of what answers, so that it is compiled once.
@usableFromInline
struct RouteTree: Sendable {
    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var named: Int?
        var routes: [Int] = []
    }

    private let methods: [HTTPMethod]
    private let names: [[String]]
    private var nodes = [Node()]

    init(_ routes: [(method: HTTPMethod, pattern: String)]) {
        methods = routes.map(\.method)
        names = routes.map { route in
            Self.segments(route.pattern).compactMap {
                $0.hasPrefix("{") ? String($0.dropFirst().dropLast()) : nil
            }
        }
        for (index, route) in routes.enumerated() {
            var node = 0
            for segment in Self.segments(route.pattern) { node = child(of: node, segment) }
            precondition(
                !nodes[node].routes.contains { methods[$0] == route.method },
                "\(route.method) \(route.pattern) is in the table twice"
            )
            nodes[node].routes.append(index)
        }
    }

    private mutating func child(of node: Int, _ segment: Substring) -> Int {
        let existing = segment.hasPrefix("{") ? nodes[node].named : nodes[node].literals[String(segment)]
        if let existing { return existing }
        nodes.append(Node())
        let created = nodes.count - 1
        if segment.hasPrefix("{") {
            nodes[node].named = created
        } else {
            nodes[node].literals[String(segment)] = created
        }
        return created
    }

    private static func segments(_ pattern: String) -> [Substring] {
        pattern.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { $0 }
    }

    /// The number of the route that fits, and what stands for its names.
    @usableFromInline
    func match(
        _ method: HTTPMethod,
        _ path: String
    ) throws(Problem) -> (route: Int, parameters: PathParameters) {
        let (found, values) = try find(path)
        let wanted = method == .head ? .get : method
        for route in found where methods[route] == wanted {
            return (route, PathParameters(names: names[route], values: values))
        }
        var problem = Problem.methodNotAllowed
        problem.allow = allowed(found).joined(separator: ", ")
        throw problem
    }

    /// The routes of a path, and what stands for their names.
    func find(_ path: String) throws(Problem) -> (routes: [Int], values: [String]) {
        guard path.utf8.first == ASCII.slash else { throw .notFound }
        var node = 0
        var values: [String] = []
        // Byte by byte: to find the characters of a text takes several times as long.
        var rest = path.utf8.dropFirst()
        while true {
            let end = rest.firstIndex(of: ASCII.slash)
            guard let text = PercentCoding.decode(Substring(rest[..<(end ?? rest.endIndex)])) else {
                throw .malformedRequest.with(detail: "the path can't be decoded")
            }
            if let next = nodes[node].literals[text] {
                node = next
            } else if let next = nodes[node].named, !text.isEmpty {
                node = next
                values.append(text)
            } else {
                throw .notFound
            }
            guard let end else { break }
            rest = rest[rest.index(after: end)...]
        }
        if nodes[node].routes.isEmpty { throw .notFound }
        return (nodes[node].routes, values)
    }

    private func allowed(_ routes: [Int]) -> [String] {
        let words = routes.map { methods[$0].rawValue }
        return words.contains("GET") ? words + ["HEAD"] : words
    }
}
