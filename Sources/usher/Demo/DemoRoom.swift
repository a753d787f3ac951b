internal import Reactor

/// What every buyer of the demo knows of the on-sale.
struct DemoRoom: Sendable {
    /// The on-sale's public id.
    let onSale: String
    let tiers: [String]
    let limit: Int
    let pace: DemoPace
    /// When the room opens, by this machine's clock.
    let opens: MonotonicTime
    /// When buyers stop, whatever happened.
    let deadline: MonotonicTime
}
