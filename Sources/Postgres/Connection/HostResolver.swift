internal import Glibc
internal import Reactor

/// Turns the configured hosts into numeric addresses, so that libpq never has to ask a name server on a loop.
enum HostResolver {
    /// What to try, in order, and what could not be resolved.
    struct Plan {
        var endpoints: [PostgresConfiguration.Endpoint] = []
        var failures: [String] = []
    }

    static func plan(for configuration: PostgresConfiguration) async throws -> Plan {
        var plan = Plan()
        for endpoint in try configuration.endpoints() {
            guard endpoint.address.isEmpty, !endpoint.isUnixSocket else {
                plan.endpoints.append(endpoint)
                continue
            }
            let host = endpoint.host
            var outcome = look(up: host, flags: AI_NUMERICHOST)
            if outcome.addresses.isEmpty {
                outcome = try await Thread.run(name: "resolver") { look(up: host, flags: 0) }
            }
            for address in outcome.addresses {
                var resolved = endpoint
                resolved.address = address
                plan.endpoints.append(resolved)
            }
            if outcome.addresses.isEmpty {
                plan.failures.append("host \"\(host)\" can't be resolved: \(outcome.complaint)")
            }
        }
        return plan
    }

    private static func look(up host: String, flags: Int32) -> (addresses: [String], complaint: String) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = flags
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return ([], unsafe String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [String] = []
        var entry = unsafe list
        while let current = unsafe entry {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let result = unsafe getnameinfo(
                current.pointee.ai_addr,
                current.pointee.ai_addrlen,
                &text,
                socklen_t(text.count),
                nil,
                0,
                NI_NUMERICHOST
            )
            if result == 0 {
                addresses.append(
                    String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                )
            }
            unsafe entry = unsafe current.pointee.ai_next
        }
        return (addresses, "no address")
    }
}
