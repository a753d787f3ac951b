/// Why bytes are not what RFC 6455 allows, and the code with which the connection is closed.
public enum WebSocketFault: Error, Sendable, Hashable {
    /// The bytes break the protocol; the text says how.
    case broken(String)
    /// A text is not UTF-8.
    case notUTF8
    /// A frame or message is larger than it may be.
    case tooLarge

    /// The close code.
    ///
    /// Source: RFC 6455 §7.4.1.
    var code: UInt16 {
        switch self {
        case .broken: 1002
        case .notUTF8: 1007
        case .tooLarge: 1009
        }
    }

    /// A few words for the close frame.
    var reason: String {
        switch self {
        case .broken(let how): how
        case .notUTF8: "the text is not UTF-8"
        case .tooLarge: "the message is too large"
        }
    }
}
