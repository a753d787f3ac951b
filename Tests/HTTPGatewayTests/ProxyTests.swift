import HTTP
import Postgres
import Reactor
import TestSupport
import Testing

@testable import HTTPGateway

/// A gateway behind the proxies that stand before gateways, as they come from Debian.
@Suite(.timeLimit(.minutes(5)))
struct ProxyTests {
    /// How often the gateway itself was asked for a call.
    private func asked(_ house: GatewayAtWork, _ call: String) async throws -> Int {
        let page = try await house.client.send(HTTPRequest(.get, "/metrics"), to: house.admin)
        let text = String(decoding: page.body, as: UTF8.self)
        let name = "usher_http_request_seconds_count{call=\"\(call)\"} "
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.dropFirst(name.count)) } ?? 0
    }

    @Test func `nginx keeps what everybody may see, and nobody's place`() async throws {
        try await withGateway(configure: {
            $0.server.trustedProxies = AddressRange("127.0.0.1").map { [$0] } ?? []
        }) {
            house in
            try await FrontProxy.withNginx(to: house.api.port) { front in
                let endpoint = HTTPEndpoint(host: "127.0.0.1", port: front)
                let onSale = try await house.schedule()
                let (first, second) = (try await house.join(onSale), try await house.join(onSale))
                let status = "/v1/on-sales/\(onSale)/status"
                let before = try await asked(house, "getStatus")
                try await withThrowingTaskGroup(of: HTTPResponse.self) { group in
                    for _ in 0..<300 {
                        group.addTask { try await house.client.send(HTTPRequest(.get, status), to: endpoint) }
                    }
                    for try await answer in group {
                        #expect(answer.status == 200 && answer.headers["ETag"] != nil)
                    }
                }
                let after = try await asked(house, "getStatus")
                // A document is kept for a second, and the three hundred took some of them.
                #expect(after > before && after - before < 100, "\(after - before) of 300 came through")
                for place in [first, second, first] {
                    var request = HTTPRequest(.get, "/v1/places/\(place.id)")
                    request.headers["Authorization"] = "Bearer \(place.token)"
                    let answer = Answer(try await house.client.send(request, to: endpoint))
                    #expect(answer.status == 200 && answer["place"]?.string == place.id, "\(answer)")
                }
                let told = try await PythonScript.run(
                    "websocket_peer.py",
                    "gateway",
                    "ws://127.0.0.1:\(front)/v1/on-sales/\(onSale)/live",
                    first.token
                )
                #expect(told.contains("place prequeue"), "\(told)")
            }
        }
    }

    @Test func `HAProxy tells whom a connection is for, and each has a rate of its own`() async throws {
        try await withGateway(configure: {
            $0.server.trustedProxies = AddressRange("127.0.0.1").map { [$0] } ?? []
            $0.server.expectsProxyHeader = true
            // Otherwise this machine's own addresses have no limits.
            $0.server.traffic.exempt = []
            $0.server.traffic.clientRate = RequestRate(perSecond: 1, burst: 5)
        }) { house in
            try await FrontProxy.withHAProxy(to: house.api.port, "send-proxy-v2") { front in
                var refused: [String: Int] = [:]
                for host in ["127.0.0.9", "127.1.2.3"] {
                    let url = "http://127.0.0.1:\(front)/v1/on-sales"
                    let words = ["-sS", "--interface", host, "-w", "%{http_code}\n"]
                    let answer = try await SystemProgram.run(
                        "curl",
                        words + Array(repeating: ["-o", "/dev/null", url], count: 20).flatMap(\.self)
                    )
                    let codes = answer.text.split(separator: "\n")
                    #expect(codes.count == 20 && codes.first == "200", "\(codes)")
                    refused[host] = codes.count { $0 == "429" }
                }
                #expect(refused.values.allSatisfy { (1...15).contains($0) }, "\(refused)")
            }
        }
    }
}
