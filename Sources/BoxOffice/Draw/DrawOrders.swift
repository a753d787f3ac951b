internal import Reactor

/// The orders this process has computed, one per on-sale, kept because each takes up to a second.
package final class DrawOrders: Sendable {
    private struct Known {
        let key: [UInt8]
        let order: DrawOrder
    }

    private let known = Lock<[OnSaleID: Known]>([:])

    package init() {}

    /// The order of `onSale`, computed on the first call.
    package func order(of onSale: OnSaleID, key: [UInt8], count: Int) -> DrawOrder {
        let held = known.withLock { $0[onSale] }
        if let held, held.key == key, held.order.count == count { return held.order }
        let order = DrawOrder(key: key, count: count)
        known.withLock { $0[onSale] = Known(key: key, order: order) }
        return order
    }

    /// Lets go of on-sales that are over.
    package func forget(_ onSale: OnSaleID) {
        known.withLock { $0[onSale] = nil }
    }
}
