internal import BoxOffice
internal import HTTP

extension Operation {
    /// What everyone may ask, answered from memory.
    static let onSaleCalls: [Operation] = [
        Operation(
            "listOnSales",
            .get,
            "/v1/on-sales",
            .anyone,
            "What is on sale, oldest first. With any parameter but `after` and `limit` it is a search, of what can be bought now "
                + "or later: it answers FoundOnSale, the first page with counts, and is asked for the next with cursor=next.",
            success: (200, "OnSaleList"),
            problems: [.badParameter],
            parameters: SearchFields.parameters
        ) { services, call in
            guard let search = try SearchFields.read(call) else { return .now(try list(services, call)) }
            if let found = services.searches.fromMemory(search) { return .now(found) }
            return services.later { try await services.searches.reader.submit(search) }
        },
        Operation(
            "getOnSale",
            .get,
            "/v1/on-sales/{id}",
            .anyone,
            "One on-sale: when, where, tiers and prices.",
            success: (200, "OnSale"),
            problems: [.unknownOnSale]
        ) { services, call in
            try services.withOnSale(try call.onSaleID()) { onSale in
                .json(
                    JSONWriter.object { onSale.write(to: &$0) },
                    headers: ["Cache-Control": "public, s-maxage=5"]
                )
            }
        },
        Operation(
            "getStatus",
            .get,
            "/v1/on-sales/{id}/status",
            .anyone,
            "Where the line is. One document for everyone, made once a second; it has an ETag. Once the database has not been "
                + "heard of for 5 s it is `stale`, and tells since when in `as_of`.",
            success: (200, "Status"),
            problems: [.unknownOnSale]
        ) { services, call in
            try services.withOnSale(try call.onSaleID()) { onSale in
                let status = onSale.status(isStale: services.board.isStale)
                guard let known = call.request.headers["If-None-Match"], matches(known, status.tag) else {
                    return status.response
                }
                return HTTPResponse(status: 304, headers: status.response.headers)
            }
        },
        Operation(
            "getSeats",
            .get,
            "/v1/on-sales/{id}/seats",
            .anyone,
            "The state of each numbered seat, by section.",
            success: (200, "SeatMap"),
            problems: [.unknownOnSale]
        ) { services, call in
            let id = try call.onSaleID()
            if let map = services.seats.fromMemory(id) { return .now(map) }
            return services.later {
                _ = try await services.onSale(id)
                return try await services.seats.reader.submit(id)
            }
        },
    ]

    private static func list(_ services: Services, _ call: Call) throws(Problem) -> HTTPResponse {
        let limit = try call.limit()
        var after: OnSaleID?
        if let text = call.request.queryValue("after") {
            guard let id = OnSaleID(publicID: text) else {
                throw .badParameter.with(detail: "after must be the `next` of an earlier answer")
            }
            after = id
        }
        // Before the first reading there is nothing that an empty list could mean.
        guard services.board.age != nil else { throw .databaseUnavailable }
        let rest = services.board.all.filter { onSale in after.map { onSale.id > $0 } ?? true }
        let page = rest.prefix(limit)
        let body = JSONWriter.object { json in
            json.array("on_sales") { list in
                for onSale in page { list.object { onSale.write(to: &$0) } }
            }
            json.field("next", rest.count > limit ? page.last?.id.publicID : nil)
        }
        return .json(body, headers: ["Cache-Control": "public, s-maxage=1"])
    }

    /// Weak comparison, which is what GET asks for.
    ///
    /// Source: RFC 9110 §13.1.2.
    private static func matches(_ header: String, _ tag: String) -> Bool {
        header.split(separator: ",").contains { element in
            let text = element.filter { $0 != " " }
            return text == "*" || text == tag || text == "W/" + tag
        }
    }
}
