internal import HTTP

/// The problems that the gateway answers. With those of the transport they are the one table that the OpenAPI
/// document shows.
extension Problem {
    // 400
    static let malformedJSON = Self(status: 400, code: "malformed_json", title: "The body is not JSON.")
    static let keyRequired = Self(
        status: 400,
        code: "idempotency_key_required",
        title: "This call needs an Idempotency-Key header."
    )
    static let badParameter = Self(
        status: 400,
        code: "bad_parameter",
        title: "A query parameter can't be used."
    )
    // 401 and 403
    static let tokenRequired = Self(
        status: 401,
        code: "token_required",
        title: "This call needs an Authorization header with a Bearer token."
    )
    static let invalidToken = Self(status: 401, code: "invalid_token", title: "The token is not valid.")
    static let expiredToken = Self(status: 401, code: "token_expired", title: "The token has expired.")
    static let invalidBuyer = Self(
        status: 401,
        code: "invalid_buyer",
        title: "The promoter did not sign this for a buyer of this on-sale."
    )
    static let expiredBuyer = Self(
        status: 401,
        code: "buyer_expired",
        title: "The promoter's word for the buyer has expired; their shop gives a new one."
    )
    static let buyerRequired = Self(
        status: 403,
        code: "buyer_required",
        title: "This room takes only buyers whom the promoter vouches for; a secret is not enough."
    )
    static let groupRequired = Self(
        status: 403,
        code: "group_required",
        title: "Only those who were invited or have a code may join this on-sale."
    )
    static let tierRestricted = Self(
        status: 403,
        code: "tier_restricted",
        title: "This tier is for groups that the buyer belongs to none of."
    )
    static let wrongPlace = Self(status: 403, code: "wrong_place", title: "The token is for another place.")
    static let crossSite = Self(
        status: 403,
        code: "cross_site",
        title: "A cookie speaks for our own pages only, and this did not come from one of them."
    )
    static let wrongRole = Self(
        status: 403,
        code: "wrong_role",
        title: "The key's role does not allow this call."
    )
    static let outOfScope = Self(
        status: 403,
        code: "out_of_scope",
        title: "The key's scope does not allow this call."
    )
    static let csrfRequired = Self(
        status: 403,
        code: "csrf_required",
        title: "A session changes something only with the X-CSRF-Token that it was told."
    )
    static let sessionRequired = Self(
        status: 401,
        code: "session_required",
        title: "Nobody is signed in here, or not any more."
    )
    static let badSignature = Self(status: 401, code: "bad_signature", title: "The signature does not fit.")
    // 404
    static let unknownOnSale = Self(status: 404, code: "unknown_on_sale", title: "There is no such on-sale.")
    static let unknownPlace = Self(status: 404, code: "unknown_place", title: "There is no such place.")
    static let unknownReservation = Self(
        status: 404,
        code: "unknown_reservation",
        title: "There is no such reservation."
    )
    static let unknownPayment = Self(
        status: 404,
        code: "unknown_payment",
        title: "There is no such payment."
    )
    static let unknownNotification = Self(
        status: 404,
        code: "unknown_notification",
        title: "There is no such notification, or it is on its way."
    )
    static let unknownTemplate = Self(
        status: 404,
        code: "unknown_template",
        title: "There is no such kind of message, channel or language."
    )
    static let unknownQueue = Self(status: 404, code: "unknown_queue", title: "There is no such queue.")
    static let unknownPool = Self(
        status: 404,
        code: "unknown_pool",
        title: "There is no such pool of workers."
    )
    static let unknownJob = Self(
        status: 404,
        code: "unknown_job",
        title: "There is no such job or run."
    )
    static let unknownRehearsal = Self(
        status: 404,
        code: "unknown_rehearsal",
        title: "There is no such rehearsal, or it is long over."
    )
    static let unknownSchedule = Self(
        status: 404,
        code: "unknown_schedule",
        title: "There is no such schedule."
    )
    // 409
    static let notOpen = Self(status: 409, code: "not_open", title: "The waiting room is not open yet.")
    static let codeUsed = Self(
        status: 409,
        code: "code_used",
        title: "Somebody else has used this code; no place was taken."
    )
    static let notSealed = Self(
        status: 409,
        code: "not_sealed",
        title: "The entries of the draw are not sealed yet."
    )
    static let notDrawn = Self(
        status: 409,
        code: "not_drawn",
        title: "The place came after the seal and was not in the draw; its number is that of its arrival."
    )
    static let notYet = Self(status: 409, code: "not_yet", title: "The place has not been called yet.")
    static let full = Self(
        status: 409,
        code: "full",
        title: "As many are buying as may at one time; the turn is kept.",
        retryAfter: 2
    )
    static let stopped = Self(
        status: 409,
        code: "stopped",
        title: "Everything stands still; the turn and what is held are kept.",
        retryAfter: 10
    )
    static let soldOut = Self(status: 409, code: "sold_out", title: "There are not enough tickets left.")
    static let notTogether = Self(
        status: 409,
        code: "not_together",
        title: "The party can't sit as close together as was asked."
    )
    static let noAccessibleSeats = Self(
        status: 409,
        code: "no_accessible_seats",
        title: "There are not enough accessible seats left with seats for the companions."
    )
    static let seatsTaken = Self(status: 409, code: "seats_taken", title: "Somebody has these seats.")
    static let contended = Self(
        status: 409,
        code: "contended",
        title: "Others are taking those seats this moment.",
        retryAfter: 1
    )
    static let wrongState = Self(
        status: 409,
        code: "wrong_state",
        title: "This can't be done in the present state."
    )
    static let keyTaken = Self(
        status: 409,
        code: "key_taken",
        title: "Another job has its unique key by now."
    )
    static let wrongCount = Self(
        status: 409,
        code: "wrong_count",
        title: "The token is of another order or another number; count again."
    )
    static let limitReached = Self(
        status: 409,
        code: "limit_reached",
        title: "This was done as often as it may be done."
    )
    static let inProgress = Self(
        status: 409,
        code: "in_progress",
        title: "Another request does the same this moment.",
        retryAfter: 1
    )
    // 410
    static let closed = Self(status: 410, code: "closed", title: "The on-sale is over.")
    static let missed = Self(status: 410, code: "missed", title: "The turn has passed.")
    static let left = Self(status: 410, code: "left", title: "The place was given up.")
    static let sessionOver = Self(status: 410, code: "session_over", title: "The time to buy is over.")
    // 429
    static let lockedOut = Self(
        status: 429,
        code: "locked_out",
        title: "Too many keys from this address were wrong.",
        retryAfter: 900
    )
    // 415 and 422
    static let notJSON = Self(
        status: 415,
        code: "unsupported_media_type",
        title: "The body must be application/json."
    )
    static let invalidFields = Self(
        status: 422,
        code: "invalid_fields",
        title: "Fields are missing or have values that can't be used."
    )
    static let unknownChoice = Self(
        status: 422,
        code: "unknown_choice",
        title: "There is no such tier, or there are no such seats in one tier."
    )
    static let limitExceeded = Self(
        status: 422,
        code: "limit_exceeded",
        title: "That would be more tickets than one buyer may have."
    )
    static let unknownCode = Self(
        status: 422,
        code: "unknown_code",
        title: "This code is not one of the on-sale's, or was taken back; no place was taken."
    )
    static let keyReused = Self(
        status: 422,
        code: "idempotency_key_reused",
        title: "The Idempotency-Key came before with another body."
    )
    // 429
    static let manyRehearsals = Self(
        status: 429,
        code: "many_rehearsals",
        title: "Too many rehearsals wait to be played.",
        retryAfter: 60
    )
    // 5xx
    static let internalError = Self(
        status: 500,
        code: "internal_error",
        title: "Something went wrong that is not the request's fault."
    )
    static let databaseUnavailable = Self(
        status: 503,
        code: "database_unavailable",
        title: "The database can't be reached.",
        retryAfter: 2
    )
    static let outcomeUnknown = Self(
        status: 503,
        code: "outcome_unknown",
        title: "The answer of the database was lost. The same request, with the same key, finds out.",
        retryAfter: 1
    )

    /// Every problem there is.
    static let all: [Self] =
        ofTransport + [
            .malformedJSON, .keyRequired, .badParameter, .tokenRequired, .invalidToken, .expiredToken,
            .wrongPlace,
            .crossSite, .csrfRequired, .sessionRequired, .lockedOut,
            .wrongRole, .outOfScope, .badSignature, .invalidBuyer, .expiredBuyer, .buyerRequired,
            .groupRequired,
            .tierRestricted, .unknownOnSale,
            .unknownPlace, .unknownReservation, .unknownPayment, .unknownQueue, .unknownPool,
            .unknownJob, .unknownRehearsal, .unknownSchedule,
            .unknownNotification,
            .unknownTemplate,
            .notOpen, .codeUsed, .notSealed, .notDrawn,
            .notYet, .full, .stopped, .soldOut, .notTogether, .noAccessibleSeats, .seatsTaken, .contended,
            .wrongState, .keyTaken, .wrongCount,
            .limitReached, .inProgress,
            .closed,
            .missed, .left, .sessionOver, .notJSON, .invalidFields, .unknownChoice, .limitExceeded,
            .unknownCode, .keyReused, .manyRehearsals,
            .internalError, .databaseUnavailable, .outcomeUnknown,
        ]

    /// Fields that are missing or wrong, each with what is accepted.
    static func fields(_ issues: [(field: String, message: String)]) -> Self {
        var problem = Problem.invalidFields
        problem.detail = issues.map { $0.field.isEmpty ? $0.message : "\($0.field): \($0.message)" }
            .joined(separator: "; ")
        problem.extra = [
            (
                "errors",
                .array(
                    issues.map { issue in
                        .object([
                            .init("field", .string(issue.field)), .init("message", .string(issue.message)),
                        ])
                    }
                )
            )
        ]
        return problem
    }

    /// The same problem that helps again after so many seconds.
    func retrying(after seconds: Int) -> Self {
        var copy = self
        copy.retryAfter = max(1, seconds)
        return copy
    }

    /// The same problem with more members.
    func with(_ members: (name: String, value: JSONValue)...) -> Self {
        var copy = self
        copy.extra += members
        return copy
    }
}
