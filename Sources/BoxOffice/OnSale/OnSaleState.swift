internal import Postgres

/// Where an on-sale is in its life.
package enum OnSaleState: String, Sendable, Codable, CaseIterable, PostgresEncodable, PostgresDecodable {
    case scheduled
    case prequeue
    case admitting
    case soldOut = "sold_out"
    case closed
    case cancelled

    /// Whether nobody will be called any more.
    package var isOver: Bool { self == .soldOut || self == .closed || self == .cancelled }

    /// What buyers are told: a paused line says so, and one that was called off is closed to them.
    package func published(paused: Bool) -> String {
        switch self {
        case .admitting where paused: "paused"
        case .cancelled: OnSaleState.closed.rawValue
        default: rawValue
        }
    }
}
