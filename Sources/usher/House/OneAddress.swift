/// What a gateway is told whose clients are all on this machine: what one address may do is what all of them may do.
enum OneAddress {
    /// No limits for a client's address or token.
    ///
    /// - Parameter connections: how many there may be at one time; nil for what the gateway takes by itself.
    /// - Returns: variables of the gateway's environment.
    static func environment(connections: Int? = nil) -> [String: String] {
        let values = [
            (GatewayOptions.clientRate, "0"), (GatewayOptions.tokenRate, "0"),
            (GatewayOptions.clientConnections, "1000000"),
            (GatewayOptions.maxConnections, connections.map(String.init)),
        ]
        var variables: [String: String] = [:]
        for (option, value) in values { if let name = option.environment { variables[name] = value } }
        return variables
    }
}
