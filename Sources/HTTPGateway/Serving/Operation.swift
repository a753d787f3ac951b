internal import BoxOffice
internal import HTTP

/// One call of the API: where it is, who may make it, what it takes and answers, and the code that does it.
struct Operation: Sendable {
    /// Who may call.
    enum Access: Sendable, Hashable {
        case anyone
        /// The holder of a place token.
        case place
        /// The holder of a place token, or anyone without one.
        case placeIfAny
        /// The holder of an admission token.
        case admission
        /// The holder of an API key with that role.
        case staff(APIKeys.Role)
        /// The holder of a session, of whatever role.
        case session
        /// Whoever has an API key in the body.
        case signIn
        /// Whoever can sign with the payment provider's secret.
        case paymentProvider
    }

    /// What answers.
    enum Handler: Sendable {
        /// Decides on the loop whether it can answer from memory.
        case direct(@Sendable (Services, Call) throws -> Reply)
        /// Always has to ask the database, in the name of a key's holder.
        case staff(@Sendable (Services, Call, APIKeys.Holder) async throws -> HTTPResponse)
    }

    let id: String
    let method: HTTPMethod
    let path: String
    let access: Access
    let summary: String
    /// The name of the body's schema.
    let body: String?
    /// The status of success and the name of its schema.
    let success: (status: Int, schema: String?)
    /// The problems of this call, beside those that any call can have.
    let problems: [Problem]
    /// What can be asked for in the query, beside where a page begins and how long it is.
    let parameters: [(name: String, schema: Schema)]
    let handler: Handler

    init(
        _ id: String,
        _ method: HTTPMethod,
        _ path: String,
        _ access: Access,
        _ summary: String,
        body: String? = nil,
        success: (Int, String?),
        problems: [Problem] = [],
        parameters: [(name: String, schema: Schema)] = [],
        _ handler: @escaping @Sendable (Services, Call) throws -> Reply
    ) {
        self.id = id
        self.method = method
        self.path = path
        self.access = access
        self.summary = summary
        self.body = body
        self.success = success
        self.problems = problems
        self.parameters = parameters
        self.handler = .direct(handler)
    }

    init(
        _ id: String,
        _ method: HTTPMethod,
        _ path: String,
        _ role: APIKeys.Role,
        _ summary: String,
        body: String? = nil,
        success: (Int, String?),
        problems: [Problem] = [],
        parameters: [(name: String, schema: Schema)] = [],
        _ handler: @escaping @Sendable (Services, Call, APIKeys.Holder) async throws -> HTTPResponse
    ) {
        self.id = id
        self.method = method
        self.path = path
        access = .staff(role)
        self.summary = summary
        self.body = body
        self.success = success
        self.problems = problems
        self.parameters = parameters
        self.handler = .staff(handler)
    }

    /// Every call there is.
    static let all =
        onSaleCalls + liveCalls + fairnessCalls + certificateCalls + placeCalls + waitlistCalls + contactCalls
        + reservationCalls
        + paymentCalls + promoterCalls + deskCalls + rehearsalCalls + eventCalls + presaleCalls
        + operatorCalls + runCalls
        + jobCalls
        + bulkCalls + serverCalls + paymentCaseCalls
        + notificationCalls + sessionCalls + lineCalls + renderedPageCalls + pageCalls
}

/// A request and the named segments of its path.
struct Call: Sendable {
    let request: HTTPRequest
    let parameters: PathParameters

    /// The token of the Authorization header.
    ///
    /// - Throws: ``Problem`` 401.
    func bearer() throws(Problem) -> String {
        guard let header = request.headers["Authorization"] else { throw .tokenRequired }
        let parts = header.utf8.split(separator: UInt8(ascii: " ")).map(Substring.init)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { throw .tokenRequired }
        return String(parts[1])
    }

    /// A buyer's token: that of the Authorization header, or the one that our own page keeps in a cookie.
    ///
    /// - Throws: ``Problem`` 401, or 403 when a cookie came with what is not our page's request.
    func token(_ kind: BuyerCookies.Kind) throws(Problem) -> String {
        guard request.headers["Authorization"] == nil else { return try bearer() }
        guard let token = try BuyerCookies.token(kind, request) else { throw .tokenRequired }
        return token
    }

    /// The on-sale that the path names.
    ///
    /// - Throws: ``Problem`` 404.
    func onSaleID() throws(Problem) -> OnSaleID {
        guard let id = OnSaleID(publicID: parameters["id"]) else { throw .unknownOnSale }
        return id
    }

    /// The place token, which must be for the place that the path names.
    ///
    /// - Throws: ``Problem`` 401 or 403, `TokenProblem`.
    func place(_ services: Services) throws -> PlaceToken {
        let token = try PlaceToken(
            try self.token(.place),
            keys: try services.keys.current(),
            now: services.board.clock.now
        )
        guard token.place.publicID == parameters["id"] else { throw Problem.wrongPlace }
        return token
    }

    /// The admission token.
    ///
    /// - Throws: ``Problem`` 401, `TokenProblem`.
    func admission(_ services: Services) throws -> AdmissionToken {
        try AdmissionToken(
            try token(.admission),
            keys: try services.keys.current(),
            now: services.board.clock.now
        )
    }

    /// How many elements of a list are wanted.
    ///
    /// - Throws: ``Problem`` 400.
    func limit() throws(Problem) -> Int {
        guard let text = request.queryValue("limit") else { return 50 }
        guard let limit = Int(text), (1...200).contains(limit) else {
            throw .badParameter.with(detail: "limit must be a whole number from 1 to 200")
        }
        return limit
    }
}
