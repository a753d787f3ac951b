/// The name and the type of a durable message to a run.
///
/// The first of a name wins.
public struct EventKey<Payload: Codable & Sendable>: Sendable {
    /// The name in the table.
    public let name: String

    /// Names an event.
    public init(_ name: String) {
        self.name = name
    }

    /// The same kind of event with a number of its own, for runs that wait for one several times.
    public func numbered(_ number: Int) -> EventKey {
        EventKey("\(name).\(number)")
    }
}
