internal import BoxOffice
internal import HTTP

/// The API described by itself: made from the table of operations, so that it lists exactly what there is.
enum OpenAPIDocument {
    static let path = "/v1/openapi.json"

    static func bytes(_ operations: [Operation]) -> [UInt8] {
        JSONWriter.object { json in
            json.field("openapi", "3.1.0")
            json.object("info") { info in
                info.field("title", "Usher")
                info.field("version", "1")
                info.field(
                    "description",
                    "Amounts are integers in minor units with an ISO 4217 code, instants RFC 3339 in UTC, ids opaque "
                        + "strings. Every refusal is a problem document (RFC 9457) whose `code` is one of ProblemCode."
                )
            }
            json.object("paths") { paths in
                var seen: [String] = []
                for operation in operations where !seen.contains(operation.path) {
                    seen.append(operation.path)
                    paths.object(operation.path) { item in
                        for other in operations where other.path == operation.path { write(other, to: &item) }
                    }
                }
            }
            json.object("components") { components in
                components.object("securitySchemes") { schemes in
                    for (name, description) in securitySchemes {
                        schemes.object(name) { scheme in
                            scheme.field("type", "http")
                            scheme.field("scheme", "bearer")
                            scheme.field("description", description)
                        }
                    }
                    for kind in BuyerCookies.Kind.allCases { write(cookie: kind, to: &schemes) }
                    schemes.object("ownPage") { scheme in
                        scheme.field("type", "apiKey")
                        scheme.field("in", "header")
                        scheme.field("name", BuyerCookies.header)
                        scheme.field(
                            "description",
                            "The id of the on-sale whose cookies are to count. The gateway's own pages send it: joining and "
                                + "admission then answer with cookies instead of tokens."
                        )
                    }
                    for (name, location, header, description) in sessionSchemes {
                        schemes.object(name) { scheme in
                            scheme.field("type", "apiKey")
                            scheme.field("in", location)
                            scheme.field("name", header)
                            scheme.field("description", description)
                        }
                    }
                }
                components.object("schemas") { schemas in
                    for (name, schema) in Schema.all { schemas.field(name, schema.json) }
                    schemas.field("Problem", Schema.problem.json)
                    schemas.object("ProblemCode") { write(codes: &$0) }
                }
            }
        }
    }

    private static let securitySchemes = [
        ("place", "The token that joining answered."),
        ("admission", "The token that admission answered."),
        ("promoter", "An API key with the role promoter."),
        ("operator", "An API key with the role operator."),
    ]

    private static func write(cookie kind: BuyerCookies.Kind, to json: inout JSONWriter) {
        json.object(kind.rawValue + "Cookie") { scheme in
            scheme.field("type", "apiKey")
            scheme.field("in", "cookie")
            scheme.field("name", BuyerCookies.prefix(kind) + "{id}")
            scheme.field(
                "description",
                "The \(kind.rawValue) token of the on-sale {id}, as its page keeps it."
            )
        }
    }

    private static let sessionSchemes = [
        ("session", "cookie", StaffDoor.cookie, "A session of the role, opened with POST /v1/session."),
        ("csrf", "header", StaffDoor.header, "What the session was told as `csrf`; with anything but GET."),
    ]

    /// The one table of problem codes.
    private static func write(codes json: inout JSONWriter) {
        json.field("type", "string")
        json.array("oneOf") { list in
            for problem in Problem.all {
                list.object { code in
                    code.field("const", problem.code)
                    code.field("title", problem.title)
                    code.field("x-status", problem.status)
                }
            }
        }
    }

    private static func write(_ operation: Operation, to json: inout JSONWriter) {
        json.object(operation.method.rawValue.lowercased()) { json in
            json.field("operationId", operation.id)
            json.field("summary", operation.summary)
            json.array("parameters") { write(parametersOf: operation, to: &$0) }
            if operation.access == .session {
                json.array("security") { list in list.object { write(sessionOf: operation, to: &$0) } }
            }
            if let scheme = scheme(operation.access) {
                json.array("security") { list in
                    list.object { $0.array(scheme) { _ in } }
                    if BuyerCookies.Kind(rawValue: scheme) != nil {
                        list.object { both in
                            both.array(scheme + "Cookie") { _ in }
                            both.array("ownPage") { _ in }
                        }
                    }
                    if operation.access == .placeIfAny { list.object { _ in } }
                    if case .staff = operation.access { list.object { write(sessionOf: operation, to: &$0) } }
                }
            }
            if let body = operation.body {
                json.object("requestBody") { json in
                    json.field("required", Schema.all.first { $0.name == body }?.schema.mayBeEmpty != true)
                    json.object("content") { write(schema: body, as: "application/json", to: &$0) }
                }
            }
            json.object("responses") { write(responsesOf: operation, to: &$0) }
        }
    }

    private static func write(sessionOf operation: Operation, to json: inout JSONWriter) {
        json.array("session") { _ in }
        if operation.method != .get { json.array("csrf") { _ in } }
    }

    private static func scheme(_ access: Operation.Access) -> String? {
        switch access {
        case .anyone, .paymentProvider, .session, .signIn: nil
        case .place, .placeIfAny: "place"
        case .admission: "admission"
        case .staff(let role): role.rawValue
        }
    }

    private static func write(parametersOf operation: Operation, to list: inout JSONWriter) {
        func write(_ name: String, in location: String, required: Bool, _ schema: Schema = .string) {
            list.object { json in
                json.field("name", name)
                json.field("in", location)
                json.field("required", required)
                json.field("schema", schema.json)
            }
        }
        for segment in operation.path.split(separator: "/") where segment.hasPrefix("{") {
            write(String(segment.dropFirst().dropLast()), in: "path", required: true)
        }
        if operation.problems.contains(where: { $0.code == Problem.keyRequired.code }) {
            write("Idempotency-Key", in: "header", required: true, .pattern("^[!-~]{1,255}$"))
        }
        if operation.problems.contains(where: { $0.code == Problem.badParameter.code }) {
            // Of a page, all have where it begins and how long it is, but for these.
            if operation.id != "listPaymentCases" { write("after", in: "query", required: false) }
            if operation.id != "getLeaves" {
                write("limit", in: "query", required: false, .within(1...200))
            }
        }
        for (name, schema) in operation.parameters { write(name, in: "query", required: false, schema) }
        if operation.access == .paymentProvider {
            write(WebhookSignature.header, in: "header", required: true)
        }
    }

    private static func write(responsesOf operation: Operation, to json: inout JSONWriter) {
        json.object(String(operation.success.status)) { json in
            json.field("description", "Done.")
            guard let schema = operation.success.schema else { return }
            json.object("content") { write(schema: schema, as: "application/json", to: &$0) }
        }
        let problems = operation.problems + commonProblems(operation.access)
        for status in Set(problems.map(\.status)).sorted() {
            var codes: [String] = []
            for problem in problems where problem.status == status {
                let code = "`\(problem.code)`"
                if !codes.contains(code) { codes.append(code) }
            }
            json.object(String(status)) { json in
                json.field("description", codes.joined(separator: ", "))
                json.object("content") { write(schema: "Problem", as: "application/problem+json", to: &$0) }
            }
        }
    }

    /// What a call may meet because of who calls it, or because the database is away.
    private static func commonProblems(_ access: Operation.Access) -> [Problem] {
        switch access {
        case .anyone, .paymentProvider, .signIn: [.databaseUnavailable]
        case .session: [.sessionRequired, .crossSite, .csrfRequired, .databaseUnavailable]
        case .placeIfAny: [.invalidToken, .expiredToken, .crossSite, .databaseUnavailable]
        case .place, .admission:
            [.tokenRequired, .invalidToken, .expiredToken, .crossSite, .unknownOnSale, .databaseUnavailable]
        case .staff:
            [
                .tokenRequired, .invalidToken, .sessionRequired, .wrongRole, .outOfScope, .crossSite,
                .csrfRequired, .lockedOut, .databaseUnavailable,
            ]
        }
    }

    private static func write(schema name: String, as type: String, to json: inout JSONWriter) {
        json.object(type) { json in
            json.object("schema") { $0.field("$ref", "#/components/schemas/\(name)") }
        }
    }
}
