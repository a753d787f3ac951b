internal import EventLog
internal import Jobs
internal import Postgres

/// What can become true of an on-sale, as the event log tells it.
///
/// Each kind has its JSON Schema in `docs/events`, which a test holds it to. A body that is to change becomes a new
/// version; nobody's name, contact, token or place id is ever in one.
protocol SaleFact: Encodable, Sendable {
    /// What happened, such as `reservation.held`.
    static var kind: String { get }
}

extension SaleFact {
    /// The fact of an on-sale, to be appended in the transaction that makes it true.
    func draft(of onSale: OnSaleID) throws -> FactDraft {
        FactDraft(onSale: onSale.rawValue, kind: Self.kind, data: try JSONCoding.encode(self))
    }

    /// The statements that append the one fact.
    func append(to onSale: OnSaleID) throws -> [Query] { FactDraft.append([try draft(of: onSale)]) }
}

/// A fact that says all by its kind.
protocol BareFact: SaleFact {}

extension BareFact {
    func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: NoKey.self) }
}

private enum NoKey: CodingKey {}
