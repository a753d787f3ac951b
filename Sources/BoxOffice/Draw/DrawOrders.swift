package import Postgres
internal import Reactor

/// The orders this process has computed, one per on-sale, kept because each takes up to a second.
package final class DrawOrders: Sendable {
    private struct Known {
        let key: [UInt8]
        let order: DrawOrder
    }

    private let known = Lock<[OnSaleID: Known]>([:])

    package init() {}

    /// The order of `onSale`, read and computed on the first call.
    ///
    /// - Throws: `PostgresError`.
    package func order(
        of onSale: OnSaleID,
        key: [UInt8],
        count: Int,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> DrawOrder {
        if let order = kept(onSale, key, count) { return order }
        let priorities = try await DrawCeremony.priorities(of: onSale, in: database)
        return order(of: onSale, key: key, count: count, priorities: priorities)
    }

    /// The priorities that an order is computed with; nil without groups.
    ///
    /// - Throws: `PostgresError`.
    package func priorities(
        of onSale: OnSaleID,
        in database: borrowing some PostgresExecutor & ~Copyable
    ) async throws -> [UInt8]? {
        try await DrawCeremony.priorities(of: onSale, in: database)
    }

    private func kept(_ onSale: OnSaleID, _ key: [UInt8], _ count: Int) -> DrawOrder? {
        let held = known.withLock { $0[onSale] }
        return held.flatMap { $0.key == key && $0.order.count == count ? $0.order : nil }
    }

    /// The order of `onSale`, computed on the first call.
    ///
    /// - Parameters:
    ///   - onSale: Which on-sale.
    ///   - key: The draw's key.
    ///   - count: How many were sealed in.
    ///   - priorities: One byte for each; nil without groups.
    /// - Returns: the order, kept for the next time.
    package func order(of onSale: OnSaleID, key: [UInt8], count: Int, priorities: [UInt8]? = nil) -> DrawOrder
    {
        if let order = kept(onSale, key, count) { return order }
        let order = DrawOrder(key: key, count: count, priorities: priorities)
        known.withLock { $0[onSale] = Known(key: key, order: order) }
        return order
    }

    /// Lets go of on-sales that are over.
    package func forget(_ onSale: OnSaleID) {
        known.withLock { $0[onSale] = nil }
    }
}
