internal import Reactor
internal import Synchronization

/// What the loops of a server have in common: what is counted over all of them.
final class ServerShare: Sendable {
    /// Lines that every response has.
    let standing: [UInt8]

    private let traffic: TrafficLimits
    private let trusted: [AddressRange]
    private let maxConnections: Int
    private let connections = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let ofClients: ConnectionTable
    private let clientRates: RateTable?
    private let tokenRates: RateTable?
    private let seed = UInt64.random(in: .min ... .max)

    init(_ configuration: HTTPServerConfiguration) {
        standing = ResponseEncoder.standing(configuration.standingHeaders)
        traffic = configuration.traffic
        trusted = configuration.trustedProxies
        maxConnections = configuration.maxConnections
        ofClients = ConnectionTable(limit: traffic.connectionsPerClient)
        clientRates = traffic.clientRate.map { RateTable($0) }
        tokenRates = traffic.tokenRate.map { RateTable($0) }
    }

    // MARK: Connections

    /// Open connections, roughly at this moment.
    var current: Int { connections.load(ordering: .relaxed) }

    /// Counts one more, unless there are as many as there may be.
    func addConnection() -> Bool {
        if connections.wrappingAdd(1, ordering: .relaxed).newValue <= maxConnections { return true }
        removeConnection()
        return false
    }

    func removeConnection() {
        connections.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Counts it among those of its client, unless that one has as many as it may.
    func add(_ connection: inout ServerConnection) -> Bool {
        guard let address = connection.remoteAddress, isLimited(address) else { return true }
        connection.isCounted = ofClients.add(address.client)
        return connection.isCounted
    }

    /// Takes what was counted of a connection back.
    func remove(_ connection: ServerConnection) {
        removeConnection()
        if connection.isCounted, let address = connection.remoteAddress { ofClients.remove(address.client) }
        if connection.countedBytes != 0 { countBytes(-connection.countedBytes) }
    }

    // MARK: Memory

    /// Counts bytes that wait, or no longer do.
    func countBytes(_ change: Int) {
        bytes.wrappingAdd(change, ordering: .relaxed)
    }

    /// Whether more waits than may.
    var isFull: Bool { bytes.load(ordering: .relaxed) > traffic.bufferedBytes }

    // MARK: Requests

    /// Counts a request of a client.
    ///
    /// - Returns: nil if it may be answered, else when the next one may be.
    func wait(for client: SocketAddress, token: String?) -> Duration? {
        guard clientRates != nil || tokenRates != nil, isLimited(client) else { return nil }
        let now = MonotonicTime.now
        if let wait = clientRates?.ask(client.client, at: now) { return wait }
        guard let tokenRates, let token else { return nil }
        return tokenRates.ask(hash(token), at: now)
    }

    private func isLimited(_ address: SocketAddress) -> Bool {
        !traffic.exempt.contains(address) && !trusted.contains(address)
    }

    /// FNV-1a, from where nobody outside knows: the table mixes it once more.
    private func hash(_ token: String) -> UInt64 {
        token.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
