internal import BoxOffice
internal import HTTP

extension Operation {
    /// What promoters do with their on-sales.
    ///
    /// Every change is an audited row.
    static let promoterCalls: [Operation] = [
        Operation(
            "scheduleOnSale",
            .post,
            "/v1/promoter/on-sales",
            .promoter,
            "Schedules an on-sale from a plan.",
            body: "Plan",
            success: (201, "OnSaleRecord"),
            problems: changeProblems
        ) { services, call, holder in
            _ = try RequestFields(call.request)
            let record = try await services.onSales.schedule(json: call.request.body, by: holder.actor)
            try? await services.board.refresh()
            return .json(
                OnSaleRecordDocument.bytes(record),
                status: 201,
                headers: ["Location": "/v1/promoter/on-sales/\(record.id.publicID)"]
            )
        },
        Operation(
            "listScheduled",
            .get,
            "/v1/promoter/on-sales",
            .promoter,
            "All on-sales in the order they were filed, or those that the key is for.",
            success: (200, "OnSaleRecordList"),
            problems: [.badParameter]
        ) { services, call, holder in
            let limit = try call.limit()
            var after: OnSaleID?
            if let text = call.request.queryValue("after") {
                guard let id = OnSaleID(publicID: text) else {
                    throw Problem.badParameter.with(detail: "after must be the `next` of an earlier answer")
                }
                after = id
            }
            let records = try await services.onSales.list(
                after: after,
                limit: limit + 1,
                only: holder.scope.onSales
            )
            let body = JSONWriter.object { json in
                json.array("on_sales") { list in
                    for record in records.prefix(limit) {
                        list.object { OnSaleRecordDocument.write(record, to: &$0) }
                    }
                }
                json.field("next", records.count > limit ? records[limit - 1].id.publicID : nil)
            }
            return .json(body)
        },
        Operation(
            "getScheduled",
            .get,
            "/v1/promoter/on-sales/{id}",
            .promoter,
            "One on-sale with everything there is.",
            success: (200, "OnSaleRecord"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            .json(OnSaleRecordDocument.bytes(try await services.onSales.find(try call.onSaleID())))
        },
        Operation(
            "changeOnSale",
            .patch,
            "/v1/promoter/on-sales/{id}",
            .promoter,
            "Changes what nobody has relied on yet: names, times to come, and the rules of admission.",
            body: "PlanPatch",
            success: (200, "OnSaleRecord"),
            problems: changeProblems
        ) { services, call, holder in
            _ = try RequestFields(call.request)
            let record = try await services.onSales.patch(
                try call.onSaleID(),
                json: call.request.body,
                by: holder.actor
            )
            try? await services.board.refresh()
            return .json(OnSaleRecordDocument.bytes(record))
        },
        Operation(
            "getBuyerKey",
            .get,
            "/v1/promoter/on-sales/{id}/buyer-key",
            .promoter,
            "The key with which the promoter vouches for buyers of this on-sale, in hexadecimal.",
            success: (200, "BuyerKey"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            let id = try call.onSaleID()
            let key = try await services.onSales.buyerKey(of: id)
            let body = JSONWriter.object { json in
                json.field("on_sale", id.publicID)
                json.field("key", Hex.encode(key))
            }
            return .json(body, headers: ["Cache-Control": "no-store"])
        },
        control("pause", "Stops calling; turns and holds stand still.", body: "Reason") {
            services,
            id,
            call,
            holder in
            var fields = try RequestFields(call.request)
            let reason = fields.optionalString("reason", maxLength: 1_000)
            try fields.check()
            try await services.onSales.pause(id, by: holder.actor, reason: reason)
        },
        control("resume", "Calls again; what stood still ends later by as long.") { services, id, _, holder in
            try await services.onSales.resume(id, by: holder.actor)
        },
        control(
            "stop",
            "Stops everything at once: nobody is called, comes in or holds until resumed. Confirmed by the title.",
            body: "Stop"
        ) { services, id, call, holder in
            var fields = try RequestFields(call.request)
            let title = fields.string("confirm")
            let reason = fields.optionalString("reason", maxLength: 1_000)
            try fields.check()
            try await services.onSales.stop(id, confirming: title, by: holder.actor, reason: reason)
        },
        control(
            "fail-open",
            as: "failOpenOnSale",
            "For a limited time lets everyone through for whom there may be a ticket. Confirmed by the title.",
            body: "FailOpen"
        ) { services, id, call, holder in
            var fields = try RequestFields(call.request)
            let seconds = fields.integer("seconds", in: 0...OnSales.longestFailOpen)
            let title = fields.string("confirm")
            let reason = fields.optionalString("reason", maxLength: 1_000)
            try fields.check()
            try await services.onSales.failOpen(
                id,
                seconds: seconds,
                confirming: title,
                by: holder.actor,
                reason: reason
            )
        },
        control("rate", "Sets how many are called in a minute at most.", body: "Rate") {
            services,
            id,
            call,
            holder in
            var fields = try RequestFields(call.request)
            let rate = fields.integer("rate_per_minute", in: 0...1_000_000)
            try fields.check()
            try await services.onSales.setRate(id, perMinute: rate, by: holder.actor)
        },
        control("message", "Tells everyone in line something; null ends it.", body: "Message") {
            services,
            id,
            call,
            holder in
            var fields = try RequestFields(call.request)
            let message = fields.optionalString("message", maxLength: 1_000)
            try fields.check()
            try await services.onSales.setMessage(id, message, by: holder.actor)
        },
        Operation(
            "refundReservation",
            .post,
            "/v1/promoter/reservations/{id}/refund",
            .promoter,
            "Gives the money for a sold reservation back. While the on-sale goes on, its tickets are for the next.",
            body: "Reason",
            success: (202, "Refund"),
            problems: [
                .malformedJSON, .notJSON, .invalidFields, .unknownReservation, .wrongState, .outcomeUnknown,
            ]
        ) { services, call, holder in
            guard let id = ReservationID(publicID: call.parameters["id"]) else {
                throw Problem.unknownReservation
            }
            var fields = try RequestFields(call.request)
            let reason = fields.optionalString("reason", maxLength: 1_000)
            try fields.check()
            try await services.onSales.refund(id, by: holder.actor, reason: reason)
            return .json(JSONWriter.object { $0.field("reservation", id.publicID) }, status: 202)
        },
        control("cancel", "Calls the on-sale off.", body: "Reason") { services, id, call, holder in
            var fields = try RequestFields(call.request)
            let reason = fields.optionalString("reason", maxLength: 1_000)
            try fields.check()
            try await services.onSales.cancel(id, by: holder.actor, reason: reason)
        },
    ]

    /// What any change that a promoter asks for can meet.
    static let changeProblems: [Problem] = [
        .malformedJSON, .notJSON, .invalidFields, .unknownOnSale, .wrongState, .outcomeUnknown,
    ]

    /// A change of one on-sale that answers with what it has become, and is seen by this gateway's buyers at once.
    private static func control(
        _ name: String,
        as id: String? = nil,
        _ summary: String,
        body: String? = nil,
        _ change: @escaping @Sendable (Services, OnSaleID, Call, APIKeys.Holder) async throws -> Void
    ) -> Operation {
        Operation(
            id ?? "\(name)OnSale",
            .post,
            "/v1/promoter/on-sales/{id}/\(name)",
            .promoter,
            summary,
            body: body,
            success: (200, "OnSaleRecord"),
            problems: changeProblems
        ) { services, call, holder in
            let id = try call.onSaleID()
            try await change(services, id, call, holder)
            try? await services.board.refresh()
            return .json(OnSaleRecordDocument.bytes(try await services.onSales.find(id)))
        }
    }
}

/// An on-sale as its promoter sees it.
enum OnSaleRecordDocument {
    static func bytes(_ record: OnSaleRecord) -> [UInt8] {
        JSONWriter.object { write(record, to: &$0) }
    }

    static func write(_ record: OnSaleRecord, to json: inout JSONWriter) {
        json.field("id", record.id.publicID)
        json.field("title", record.title)
        json.field("venue", record.venue)
        json.field("city", record.city)
        json.field("currency", record.currency)
        json.field("state", record.state.rawValue)
        json.field("paused_at", record.pausedAt.map { "\($0)" })
        json.field("opens_at", "\(record.opensAt)")
        json.field("starts_at", "\(record.startsAt)")
        json.field("closes_at", "\(record.closesAt)")
        json.field("rate_per_minute", record.rules.ratePerMinute)
        json.field("active_limit", record.rules.activeLimit)
        json.field("turn_seconds", record.rules.turnSeconds)
        json.field("session_seconds", record.rules.sessionSeconds)
        json.field("reoffer_limit", record.rules.reofferLimit)
        json.field("reoffer_seconds", record.rules.reofferSeconds)
        json.field("message", record.message)
        json.field("serving", record.serving)
        json.field("last", record.issued)
        json.field("no_show", record.noShow)
        json.field("admission_note", record.admissionNote)
        json.field("seq", record.seq)
        json.field("created_at", "\(record.createdAt)")
        json.field("buyers", record.buyers.rawValue)
    }
}
