/// What a gateway is told whose clients are all on this machine: what one address may do is what all of them may do.
enum OneAddress {
    /// No limits for a client's address or token.
    ///
    /// - Parameter connections: how many there may be at one time; nil for what the gateway takes by itself.
    /// - Returns: variables, of which a gateway reads those that it knows.
    static func environment(connections: Int? = nil) -> [String: String] {
        var variables = [
            "USHER_CLIENT_RATE": "0", "USHER_TOKEN_RATE": "0", "USHER_CLIENT_CONNECTIONS": "1000000",
        ]
        if let connections { variables["USHER_MAX_CONNECTIONS"] = "\(connections)" }
        return variables
    }
}
