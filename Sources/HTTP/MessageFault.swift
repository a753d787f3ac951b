/// Why bytes are not a message that this library takes.
enum MessageFault: Error, Hashable {
    /// The bytes break the protocol; the text says how.
    case malformed(String)
    case targetTooLong
    case headerTooLarge
    case bodyTooLarge
    case unknownExpectation

    /// What a client is told.
    var problem: Problem {
        switch self {
        case .malformed(let reason): .malformedRequest.with(detail: reason)
        case .targetTooLong: .targetTooLong
        case .headerTooLarge: .headerTooLarge
        case .bodyTooLarge: .contentTooLarge
        case .unknownExpectation: .expectationFailed
        }
    }
}
