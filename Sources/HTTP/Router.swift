/// Finds what answers a method and a path.
///
/// A pattern is a path whose segments are literal or a name in braces: `/v1/places/{id}`. A literal segment wins
/// over a name, and the table can't hold two routes that nothing tells apart.
public struct Router<Handler: Sendable>: Sendable {
    /// One entry of the table.
    public struct Route: Sendable {
        /// The method.
        public let method: HTTPMethod
        /// The path with names in braces.
        public let pattern: String
        /// What answers.
        public let handler: Handler

        /// Makes an entry.
        public init(_ method: HTTPMethod, _ pattern: String, _ handler: Handler) {
            self.method = method
            self.pattern = pattern
            self.handler = handler
        }
    }

    /// A route that fits a request, with what stands for its names.
    public struct Match: Sendable {
        /// What answers.
        public let handler: Handler
        /// The path's named segments.
        public let parameters: PathParameters
    }

    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var named: Int?
        var routes: [Int] = []
    }

    /// The table, in the order it was given.
    public let routes: [Route]
    private let names: [[String]]
    private var nodes = [Node()]

    /// Builds the table.
    ///
    /// A pattern that comes twice for one method is a programmer's error.
    public init(_ routes: [Route]) {
        self.routes = routes
        names = routes.map { route in
            Self.segments(route.pattern).compactMap {
                $0.hasPrefix("{") ? String($0.dropFirst().dropLast()) : nil
            }
        }
        for (index, route) in routes.enumerated() {
            var node = 0
            for segment in Self.segments(route.pattern) { node = child(of: node, segment) }
            precondition(
                !nodes[node].routes.contains { routes[$0].method == route.method },
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

    private static func segments(_ path: String) -> [Substring] {
        // Byte by byte: to find the characters of a text takes several times as long.
        path.utf8.split(separator: ASCII.slash, omittingEmptySubsequences: false).dropFirst().map(
            Substring.init
        )
    }

    /// Finds the route of a request.
    ///
    /// HEAD is answered by what answers GET.
    ///
    /// - Throws: ``Problem``: 404 for an unknown path, 405 with `Allow` for an unknown method, 400 for a segment that
    ///   can't be decoded.
    public func match(_ method: HTTPMethod, _ path: String) throws(Problem) -> Match {
        let (found, values) = try find(path)
        let wanted = method == .head ? .get : method
        guard let index = found.first(where: { routes[$0].method == wanted }) else {
            var problem = Problem.methodNotAllowed
            problem.allow = allowed(found).joined(separator: ", ")
            throw problem
        }
        return Match(
            handler: routes[index].handler,
            parameters: PathParameters(names: names[index], values: values)
        )
    }

    /// The routes of a path, and what stands for their names.
    private func find(_ path: String) throws(Problem) -> (found: [Int], values: [String]) {
        guard path.utf8.first == ASCII.slash else { throw .notFound }
        var node = 0
        var values: [String] = []
        for segment in Self.segments(path) {
            guard let text = PercentCoding.decode(segment) else {
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
        }
        let found = nodes[node].routes
        if found.isEmpty { throw .notFound }
        return (found, values)
    }

    /// The routes of a path, whatever their method.
    ///
    /// - Throws: ``Problem``: 404 for an unknown path, 400 for a segment that can't be decoded.
    public func routes(at path: String) throws(Problem) -> [Route] {
        try find(path).found.map { routes[$0] }
    }

    private func allowed(_ indices: [Int]) -> [String] {
        let methods = indices.map { routes[$0].method.rawValue }
        return methods.contains("GET") ? methods + ["HEAD"] : methods
    }
}

/// The segments of a path that a pattern gives a name to.
public struct PathParameters: Sendable {
    private let names: [String]
    private let values: [String]

    init(names: [String], values: [String]) {
        self.names = names
        self.values = values
    }

    /// The decoded segment of that name; asking for one that the pattern doesn't have is a programmer's error.
    public subscript(name: String) -> String {
        guard let index = names.firstIndex(of: name) else {
            preconditionFailure("the route has no {\(name)}")
        }
        return values[index]
    }
}
