internal import BoxOffice
internal import HTTP

extension Operation {
    /// The pages that are the same for everybody and are meant to be kept by caches, for programs and for people.
    static let renderedPageCalls: [Operation] = [
        page(
            "getSeatMap",
            "/v1/on-sales/{id}/seat-map",
            "Where the seats are and roughly how many are left: `many`, `few` (at most a tenth; ten always are, more than a "
                + "hundred never) or `none`. Meant to be kept by caches, and purged there when it changes; it has an ETag.",
            schema: "RoughSeatMap"
        ) { _ in .seatMap },
        page(
            "getSeatMapPicture",
            "/on-sales/{id}/seat-map.svg",
            "The seats as a picture, by section and what is left of each."
        ) { _ in .picture },
        page("getEventPage", "/on-sales/{id}/event", "What is on sale, as a page in English.") { _ in
            .event("en")
        },
        page(
            "getEventPageInLanguage",
            "/on-sales/{id}/event/{language}",
            "What is on sale, as a page in another language."
        ) { call in
            PageName.languages.first { $0 == call.parameters["language"] }.map { .event($0) }
        },
    ]

    private static func page(
        _ id: String,
        _ path: String,
        _ summary: String,
        schema: String? = nil,
        _ name: @escaping @Sendable (Call) -> PageName?
    ) -> Operation {
        Operation(
            id,
            .get,
            path,
            .anyone,
            summary,
            success: (200, schema),
            problems: [.unknownOnSale]
        ) { services, call in
            guard let name = name(call), let onSale = OnSaleID(publicID: call.parameters["id"]) else {
                return .now(PageShelf.unknown)
            }
            let (key, request) = (RenderedPage.Key(onSale, name), call.request)
            if services.board.isCutOff, let page = services.pages.fromMemory(key, to: request) {
                return .now(page)
            }
            return services.later { try await services.pages.response(key, to: request) }
        }
    }
}
