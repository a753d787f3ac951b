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
            "All on-sales in the order they were filed.",
            success: (200, "OnSaleRecordList"),
            problems: [.badParameter]
        ) { services, call, _ in
            let limit = try call.limit()
            var after: OnSaleID?
            if let text = call.request.queryValue("after") {
                guard let id = OnSaleID(publicID: text) else {
                    throw Problem.badParameter.with(detail: "after must be the `next` of an earlier answer")
                }
                after = id
            }
            let records = try await services.onSales.list(after: after, limit: limit + 1)
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
                json.field("key", OnSaleSnapshot.hex(key))
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
        control("cancel", "Calls the on-sale off.", body: "Reason") { services, id, call, holder in
            var fields = try RequestFields(call.request)
            let reason = fields.optionalString("reason", maxLength: 1_000)
            try fields.check()
            try await services.onSales.cancel(id, by: holder.actor, reason: reason)
        },
    ]

    private static let changeProblems: [Problem] = [
        .malformedJSON, .notJSON, .invalidFields, .unknownOnSale, .wrongState, .outcomeUnknown,
    ]

    /// A change of one on-sale that answers with what it has become, and is seen by this gateway's buyers at once.
    private static func control(
        _ name: String,
        _ summary: String,
        body: String? = nil,
        _ change: @escaping @Sendable (Services, OnSaleID, Call, APIKeys.Holder) async throws -> Void
    ) -> Operation {
        Operation(
            "\(name)OnSale",
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
