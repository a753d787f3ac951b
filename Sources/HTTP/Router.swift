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

        @inlinable
        init(handler: Handler, parameters: PathParameters) {
            self.handler = handler
            self.parameters = parameters
        }
    }

    /// The table, in the order it was given.
    public let routes: [Route]
    @usableFromInline let tree: RouteTree

    /// Builds the table.
    ///
    /// A pattern that comes twice for one method is a programmer's error.
    public init(_ routes: [Route]) {
        self.routes = routes
        tree = RouteTree(routes.map { ($0.method, $0.pattern) })
    }

    /// Finds the route of a request.
    ///
    /// HEAD is answered by what answers GET.
    ///
    /// - Throws: ``Problem``: 404 for an unknown path, 405 with `Allow` for an unknown method, 400 for a segment that
    ///   can't be decoded.
    @inlinable
    public func match(_ method: HTTPMethod, _ path: String) throws(Problem) -> Match {
        let (index, parameters) = try tree.match(method, path)
        return Match(handler: routes[index].handler, parameters: parameters)
    }

    /// The routes of a path, whatever their method.
    ///
    /// - Throws: ``Problem``: 404 for an unknown path, 400 for a segment that can't be decoded.
    public func routes(at path: String) throws(Problem) -> [Route] {
        try tree.find(path).routes.map { routes[$0] }
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
