internal import BoxOffice
internal import HTTP

extension Operation {
    /// How people sign in to the promoter's and the operator's pages.
    static let sessionCalls: [Operation] = [
        Operation(
            "openSession",
            .post,
            "/v1/session",
            .signIn,
            "Signs in with an API key: sets the session's cookie, and answers what changes have to repeat in X-CSRF-Token.",
            body: "SignIn",
            success: (201, "Session"),
            problems: [.malformedJSON, .notJSON, .invalidFields, .invalidToken, .crossSite, .lockedOut]
        ) { services, call in
            // Nobody is to be signed in by another's page; a program says nothing of where it is.
            if call.request.headers["Sec-Fetch-Site"] != nil || call.request.headers["Origin"] != nil {
                try SameOrigin.check(call.request)
            }
            var fields = try RequestFields(call.request)
            let key = fields.string("key")
            try fields.check()
            return services.later { [services] in
                let (holder, fingerprint) = try await services.staff.check(key, from: call.request)
                if let before = call.request.cookie(StaffDoor.cookie) {
                    try await services.staff.sessions.end(before)
                }
                let opened = try await services.staff.sessions.open(holder, with: fingerprint)
                let cookie = Cookie(StaffDoor.cookie, opened.token)
                return document(
                    opened.session,
                    opened.token,
                    status: 201,
                    headers: ["Set-Cookie": services.setCookie(cookie, for: call.request)]
                )
            }
        },
        Operation(
            "getSession",
            .get,
            "/v1/session",
            .session,
            "Who is signed in.",
            success: (200, "Session")
        ) { services, call in
            guard let token = call.request.cookie(StaffDoor.cookie) else { throw Problem.sessionRequired }
            return services.later { [services] in
                guard let session = try await services.staff.sessions.find(token) else {
                    throw Problem.sessionRequired
                }
                return document(session, token, status: 200)
            }
        },
        Operation(
            "endSession",
            .delete,
            "/v1/session",
            .session,
            "Signs out.",
            success: (204, nil)
        ) { services, call in
            guard call.request.cookie(StaffDoor.cookie) != nil else { throw Problem.sessionRequired }
            guard case .session(let token) = try StaffDoor.proof(call) else { throw Problem.sessionRequired }
            return services.later { [services] in
                try await services.staff.sessions.end(token)
                let cookie = Cookie(StaffDoor.cookie, "", maxAge: 0)
                return HTTPResponse(
                    status: 204,
                    headers: ["Set-Cookie": services.setCookie(cookie, for: call.request)]
                )
            }
        },
    ]

    private static func document(
        _ session: StaffSessions.Session,
        _ token: String,
        status: Int,
        headers: HTTPHeaders = [:]
    ) -> HTTPResponse {
        let body = JSONWriter.object { json in
            json.field("role", session.holder.role.rawValue)
            json.field("label", session.holder.label)
            json.array("scopes") { for word in session.holder.scope.words { $0.value(word) } }
            json.field("csrf", StaffDoor.secondSecret(of: token))
            json.field("expires_at", "\(session.expiresAt)")
        }
        var headers = headers
        headers.add("Cache-Control", "no-store")
        return .json(body, status: status, headers: headers)
    }
}
