internal import BoxOffice

/// What searches answer.
extension Schema {
    static let onSaleList: Members = [
        ("on_sales", .list(.either([.reference("OnSale"), .reference("FoundOnSale")]))),
        ("next", .nullable(.string)),
        // Of the first page of a search.
        ("count?", .within(0...Search.most)), ("capped?", .boolean),
        (
            "facets?",
            .object(
                Search.facetNames.map { ($0, .list(.object([("value", .string), ("count", .integer)]))) }
            )
        ),
        // Of every page of one.
        ("corrected?", .boolean),
    ]

    static let foundOnSale: Members = [
        ("id", .string), ("title", .string), ("venue", .string), ("city", .string),
        ("genre", .nullable(.string)),
        ("state", .oneOf(SearchQuestion.states)), ("event_at", .nullable(.instant)), ("opens_at", .instant),
        ("starts_at", .instant), ("closes_at", .instant), ("price_from", .reference("Money")),
        ("price_to", .reference("Money")),
        ("availability", .oneOf(SearchEntry.Availability.allCases.map(\.rawValue))),
    ]
}
