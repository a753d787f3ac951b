internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// Holding tickets, paying for them and letting them go.
    static let reservationCalls: [Operation] = [
        Operation(
            "reserve",
            .post,
            "/v1/reservations",
            .admission,
            "Holds tickets: so many of a tier, or certain seats. Needs an Idempotency-Key, and answers what it answered "
                + "to the key before: the hold, or `sold_out`, `seats_taken`, `not_together`, `no_accessible_seats` or "
                + "`limit_exceeded`. Another try needs another key.",
            body: "Reserve",
            success: (201, "Reservation"),
            problems: [
                .keyRequired, .malformedJSON, .notJSON, .invalidFields, .unknownChoice, .tierRestricted,
                .limitExceeded,
                .keyReused,
                .soldOut, .notTogether, .noAccessibleSeats, .seatsTaken, .contended, .stopped, .sessionOver,
                .outcomeUnknown,
            ],
            reserve
        ),
        Operation(
            "getReservation",
            .get,
            "/v1/reservations/{id}",
            .admission,
            "A reservation of this session.",
            success: (200, "Reservation"),
            problems: [.unknownReservation]
        ) { services, call in
            try services.reservation(call) { id, token in
                .json(
                    ReservationDocument.bytes(
                        try await services.reservations.get(id, admission: token.admission)
                    )
                )
            }
        },
        Operation(
            "release",
            .delete,
            "/v1/reservations/{id}",
            .admission,
            "Lets go of a hold.",
            success: (204, nil),
            problems: [.unknownReservation, .wrongState, .outcomeUnknown]
        ) { services, call in
            try services.reservation(call) { id, token in
                try await services.reservations.release(id, admission: token.admission)
                return HTTPResponse(status: 204)
            }
        },
        Operation(
            "extend",
            .post,
            "/v1/reservations/{id}/extend",
            .admission,
            "Gives a hold more time, as often as the on-sale allows.",
            success: (200, "Reservation"),
            problems: [.unknownReservation, .wrongState, .limitReached, .outcomeUnknown]
        ) { services, call in
            try services.reservation(call) { id, token in
                let view = try await services.reservations.extend(id, admission: token.admission)
                return .json(ReservationDocument.bytes(view))
            }
        },
        Operation(
            "checkout",
            .post,
            "/v1/reservations/{id}/checkout",
            .admission,
            "Begins to pay. Ask for the reservation until it is sold, or held again with `payment_declined`.",
            body: "Checkout",
            success: (202, "Reservation"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .unknownReservation, .wrongState, .limitReached,
                .inProgress, .outcomeUnknown,
            ]
        ) { services, call in
            // Whoever may not ask is not told what is wrong with the question.
            _ = try call.admission(services)
            var fields = try RequestFields(call.request)
            let method = fields.string("payment_method")
            try fields.check()
            return try services.reservation(call) { id, token in
                let view = try await services.reservations.checkout(
                    id,
                    admission: token.admission,
                    method: method
                )
                return .json(ReservationDocument.bytes(view), status: 202)
            }
        },
    ]

    // MARK: Holding

    @Sendable private static func reserve(_ services: Services, _ call: Call) throws -> Reply {
        let token = try call.admission(services)
        let key = try idempotencyKey(call.request)
        var request = HoldRequest(
            onSale: token.onSale,
            admission: token.admission,
            choice: .seats([]),
            idempotency: IdempotencyKey(key: key, body: call.request.body)
        )
        try read(call.request, into: &request)
        let wish = request
        return services.later {
            switch try await services.reservations.hold(wish) {
            case .held(let hold), .repeated(let hold):
                return .json(
                    ReservationDocument.bytes(hold),
                    status: 201,
                    headers: ["Location": "/v1/reservations/\(hold.reservation.publicID)"]
                )
            case .keyReused: throw Problem.keyReused
            case .soldOut(let left): throw Problem.soldOut.with(("left", .int(Int64(left))))
            case .notTogether(let closest):
                throw Problem.notTogether.with(("closest", .string(closest.rawValue)))
            case .noAccessibleSeats(let left):
                throw Problem.noAccessibleSeats.with(("left", .int(Int64(left))))
            case .standing(let tier, let fields):
                throw Problem.fields(
                    fields.map { ($0, "is for numbered seats; the tier \(tier) is standing") }
                )
            case .contended: throw Problem.contended
            case .stopped: throw Problem.stopped
            case .notEligible(let tier): throw Problem.tierRestricted.with(detail: "the tier is \(tier)")
            case .limitExceeded(let limit, let has):
                throw Problem.limitExceeded.with(("limit", .int(Int64(limit))), ("has", .int(Int64(has))))
            case .sessionOver: throw Problem.sessionOver
            case .seatsTaken(let seats):
                throw Problem.seatsTaken.with(("seats", .array(seats.map { .string($0) })))
            case .unknownChoice: throw Problem.unknownChoice
            }
        }
    }

    private static func idempotencyKey(_ request: HTTPRequest) throws(Problem) -> String {
        guard let key = request.headers["Idempotency-Key"] else { throw .keyRequired }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .keyRequired.with(detail: "the key must be 1 to 255 visible ASCII characters")
        }
        return key
    }

    /// Reads which tickets are wanted, and how.
    private static func read(_ request: HTTPRequest, into wish: inout HoldRequest) throws(Problem) {
        var fields = try RequestFields(request)
        if fields.has("seats") {
            if ["tier", "quantity", "accessible", "together"].contains(where: { fields.has($0) }) {
                fields.refuse("seats", "goes without tier, quantity, accessible and together")
            }
            wish.choice = .seats(fields.strings("seats", count: 1...100))
            return try fields.check()
        }
        let tier = fields.string("tier")
        let quantity = fields.integer("quantity", in: 1...100)
        wish.choice = .best(tier: tier, quantity: quantity)
        if fields.has("accessible") { wish.accessible = fields.integer("accessible", in: 0...quantity) }
        if let word = fields.optionalString("together") {
            wish.together = Together(rawValue: word)
            if wish.together == nil {
                let accepted = Together.allCases.map(\.rawValue).joined(separator: ", ")
                fields.refuse("together", "must be one of \(accepted); found \(word)")
            }
        }
        try fields.check()
    }
}

extension Services {
    /// A call about one reservation by the holder of its session.
    fileprivate func reservation(
        _ call: Call,
        _ work: @escaping @Sendable (ReservationID, AdmissionToken) async throws -> HTTPResponse
    ) throws -> Reply {
        let token = try call.admission(self)
        guard let id = ReservationID(publicID: call.parameters["id"]) else {
            throw Problem.unknownReservation
        }
        return later { try await work(id, token) }
    }
}

/// A reservation as its buyer sees it.
enum ReservationDocument {
    static func bytes(_ hold: Hold) -> [UInt8] {
        JSONWriter.object { json in
            json.field("reservation", hold.reservation.publicID)
            json.field("state", ReservationState.held.rawValue)
            json.field("expires_at", "\(hold.expiresAt)")
            write(tier: hold.tier, hold.quantity, hold.seats, hold.total, hold.currency, to: &json)
            json.field("together", hold.together?.rawValue)
        }
    }

    static func bytes(_ view: ReservationView) -> [UInt8] {
        JSONWriter.object { write(view, to: &$0) }
    }

    static func write(_ view: ReservationView, to json: inout JSONWriter) {
        json.field("reservation", view.id.publicID)
        json.field("state", view.state.rawValue)
        json.field("expires_at", view.state.isLive ? "\(view.expiresAt)" : nil)
        write(tier: view.tier, view.quantity, view.seats, view.total, view.currency, to: &json)
        json.field("extensions_left", view.extensionsLeft)
        json.field("payments_left", view.paymentsLeft)
        json.field("problem", view.problem)
        json.field("next_action", view.nextAction)
    }

    private static func write(
        tier: String,
        _ quantity: Int,
        _ seats: [String],
        _ total: Int64,
        _ currency: String,
        to json: inout JSONWriter
    ) {
        json.field("tier", tier)
        json.field("quantity", quantity)
        json.array("seats") { for seat in seats { $0.value(seat) } }
        json.money("total", total, currency)
    }
}
