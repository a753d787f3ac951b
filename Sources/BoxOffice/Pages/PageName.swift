/// One of the pages that are made of an on-sale.
package enum PageName: Sendable, Hashable {
    /// What is on sale, for people, in a language.
    case event(String)
    /// The seats, for programs.
    case seatMap
    /// The seats as a picture.
    case picture

    /// Every page of an on-sale.
    package static let all: [Self] = EventPageWords.all.map { .event($0.language) } + [.seatMap, .picture]

    /// The languages of ``event(_:)``, English first.
    package static let languages = EventPageWords.all.map(\.language)

    /// What the table knows it by.
    var column: String {
        switch self {
        case .event(let language): "event.\(language)"
        case .seatMap: "seats.json"
        case .picture: "seats.svg"
        }
    }

    /// Where a gateway serves it.
    package func path(of id: OnSaleID) -> String {
        switch self {
        case .event("en"): "/on-sales/\(id.publicID)/event"
        case .event(let language): "/on-sales/\(id.publicID)/event/\(language)"
        case .seatMap: "/v1/on-sales/\(id.publicID)/seat-map"
        case .picture: "/on-sales/\(id.publicID)/seat-map.svg"
        }
    }

    /// The key that a change of it purges.
    func key(of id: OnSaleID) -> String {
        switch self {
        case .event: "\(id.publicID)-event"
        case .seatMap, .picture: "\(id.publicID)-seats"
        }
    }

    /// What it is kept under in caches: its own key, and that of all pages of the on-sale.
    func keys(of id: OnSaleID) -> [String] { [key(of: id), id.publicID] }
}
