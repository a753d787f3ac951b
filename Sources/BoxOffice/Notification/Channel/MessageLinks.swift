package import Postgres
internal import Reactor

/// Makes the addresses that stand in messages.
package final class MessageLinks: Sendable {
    private let base: String?
    private let postgres: PostgresClient
    private let keys = Lock<SigningKeys?>(nil)

    /// - Parameters:
    ///   - base: where buyers reach the gateway, such as `https://tickets.example`; nil leaves the links empty.
    ///   - postgres: has the keys.
    package init(base: String?, postgres: PostgresClient) {
        self.base = base.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        self.postgres = postgres
    }

    /// The on-sale's page, and the address that ends all messages to this contact.
    ///
    /// Keys are read once: a message may be signed with an older one for as long as the process runs, which is good
    /// until that key is retired.
    func links(for route: OutgoingMessage.Route) async throws -> (page: String, unsubscribe: String) {
        guard let base else { return ("", "") }
        let known: SigningKeys
        if let kept = keys.withLock({ $0 }) {
            known = kept
        } else {
            known = try await SigningKeys.load(from: postgres)
            keys.withLock { $0 = known }
        }
        let token = UnsubscribeToken(onSale: route.onSale, arrival: route.arrival).signed(with: known)
        return ("\(base)/on-sales/\(route.onSale.publicID)", "\(base)/unsubscribe/\(token)")
    }
}
