internal import BoxOffice
internal import EventLog
internal import HTTP
internal import Postgres

extension Operation {
    /// What happened, for programs that follow it.
    static let eventCalls: [Operation] = [
        Operation(
            "listEvents",
            .get,
            "/v1/events",
            .promoter,
            "What happened, in order, as CloudEvents: those behind a position, or behind the beginning. With `wait` it waits "
                + "so many seconds for the first. Ask again with after=next, however many there were. With Accept: "
                + "text/event-stream a stream of them that does not end.",
            success: (200, "EventList"),
            problems: [.badParameter],
            parameters: [("wait", .within(0...20)), ("on_sale", .string)],
            listEvents
        ),
        Operation(
            "getMinutes",
            .get,
            "/v1/promoter/on-sales/{id}/minutes",
            .promoter,
            "What happened in each minute of the last two days in which anything did, counted from the events: in columns.",
            success: (200, "SaleMinutes"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            let id = try call.onSaleID()
            _ = try await services.onSales.find(id)
            let minutes = try await SaleMinutes.read(id, from: services.postgres)
            return .json(
                JSONWriter.object { json in
                    json.field("on_sale", id.publicID)
                    json.array("at") { for minute in minutes { $0.value("\(minute.at)") } }
                    for (index, name) in SaleMinutes.columns.enumerated() {
                        json.array(name) { for minute in minutes { $0.value(minute.counts[index]) } }
                    }
                }
            )
        },
    ]

    @Sendable private static func listEvents(
        _ services: Services,
        _ call: Call,
        _ holder: APIKeys.Holder
    ) async throws -> HTTPResponse {
        let isStream = call.request.accepts("text/event-stream")
        var position: Int64 = -1
        // A browser that lost the stream asks for the same address again, and says what it has seen.
        if let text = isStream ? call.request.headers["Last-Event-ID"] : nil {
            guard let number = Int64(text), number >= -1 else {
                throw Problem.badParameter.with(detail: "Last-Event-ID must be the id of an event")
            }
            position = number
        } else if let text = call.request.queryValue("after") {
            guard let number = Int64(text), number >= -1 else {
                throw Problem.badParameter.with(detail: "after must be the `next` of an earlier answer")
            }
            position = number
        }
        var wait = 0
        if let text = call.request.queryValue("wait") {
            guard let seconds = Int(text), (0...20).contains(seconds) else {
                throw Problem.badParameter.with(detail: "wait must be a whole number from 0 to 20")
            }
            wait = seconds
        }
        var onSales = holder.scope.onSales
        if let text = call.request.queryValue("on_sale") {
            guard let id = OnSaleID(publicID: text) else {
                throw Problem.badParameter.with(detail: "on_sale must be an id such as os_7")
            }
            // What the key is not for is as good as not there.
            onSales = holder.scope.includes(id) ? [id] : []
        }
        guard !isStream else {
            let proof = try StaffDoor.proof(call)
            let request = call.request
            let wish = EventStreams.Wish(position: position, onSales: onSales?.map(\.rawValue)) {
                _ = try await services.staff.holder(of: proof, from: request)
            }
            return HTTPResponse(opening: services.eventStreams.offer(wish))
        }
        let found = try await services.events.read(
            after: position,
            onSales: onSales?.map(\.rawValue),
            limit: try call.limit(),
            wait: .seconds(wait)
        )
        return .json(
            JSONWriter.object { json in
                var list: [UInt8] = [UInt8(ascii: "[")]
                for (index, fact) in found.facts.enumerated() {
                    if index > 0 { list.append(UInt8(ascii: ",")) }
                    list += CloudEvent(fact, onSale: OnSaleID(rawValue: fact.onSale).publicID).bytes
                }
                list.append(UInt8(ascii: "]"))
                json.field("events", raw: list)
                json.field("next", "\(found.next)")
            }
        )
    }
}
