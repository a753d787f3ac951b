/// The name and the types of a request to a run that is answered: see ``WorkflowClient/update(_:_:of:within:)``.
public struct UpdateKey<Payload: Codable & Sendable, Reply: Codable & Sendable>: Sendable {
    /// The name in the table.
    public let name: String

    /// Names a kind of update.
    public init(_ name: String) {
        self.name = name
    }

    /// The event that carries the n-th request of this kind.
    func event(_ number: Int) -> String { UpdateNames.request(name, number) }
}

/// What an update's request and its reply are kept under.
enum UpdateNames {
    /// The checkpoint key under which a run that continues as new keeps how many it has received of each kind.
    static let receivedKey = "!received"

    static func request(_ name: String, _ number: Int) -> String { "update:\(name)/\(number)" }

    static func reply(_ name: String, _ number: Int) -> String { "reply:\(name)/\(number)" }
}

/// A request that a run has received and must answer.
public struct UpdateRequest<Payload: Codable & Sendable, Reply: Codable & Sendable>: Sendable {
    /// What is asked.
    public let payload: Payload
    let name: String
    let number: Int
}

/// How a run answers: with a reply, or with the reason why not.
struct UpdateReply<Reply: Codable & Sendable>: Codable, Sendable {
    var reply: Reply?
    var refusal: String?
}

/// Thrown by a validation to refuse an update; the sender gets the reason.
public struct UpdateRefused: Error, Sendable, Hashable, CustomStringConvertible {
    /// Why, in one line.
    public let reason: String

    /// Refuses for this reason.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// The reason.
    public var description: String { reason }
}
