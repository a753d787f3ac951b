/// A socket of a ``WebSocketClient``: a number, not an object.
public struct ClientSocket: Sendable, Hashable {
    /// What it is about, in the listener's own numbers.
    public let subject: Int64
    let slot: UInt32
    let generation: UInt32
}

/// How a socket of a client came to its end.
public enum WebSocketEnding: Sendable, Hashable {
    /// The server said goodbye, or answered ours; without a code it gave none.
    case closed(code: UInt16?)
    /// The server answered the handshake with something else.
    case refused(status: Int)
    /// The connection broke, or what came was not as RFC 6455 has it.
    case lost(String)
    /// Nothing was heard in all the time that the client waits.
    case silent
    /// The client was shut down.
    case shutDown
}

/// What happens on the sockets of a client; called on its loop, which it must not block.
public protocol WebSocketListener: AnyObject {
    /// The handshake is done: texts may be sent.
    func opened(_ socket: ClientSocket, on client: WebSocketClient)
    /// The server has said something; the bytes are UTF-8.
    func received(_ text: [UInt8], on socket: ClientSocket, client: WebSocketClient)
    /// The socket is gone, opened or not.
    func ended(_ socket: ClientSocket, _ ending: WebSocketEnding, client: WebSocketClient)
}
