import Foundation
import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// A gateway behind Varnish as it comes from Debian, with the VCL that comes with Usher.
@Suite(.timeLimit(.minutes(5)))
struct VarnishTests {
    private static let vcl = URL(filePath: #filePath).appending(path: "../../../deploy/varnish/usher.vcl")
        .standardized.path

    @Test(arguments: VarnishCache.Manner.allCases)
    func `Varnish answers until something changes, and then shows it`(
        _ manner: VarnishCache.Manner
    ) async throws {
        let front = try TestCluster.freePort()
        let url = try #require(URL(string: "http://127.0.0.1:\(front)"))
        let caches = PageCaches([VarnishCache(url: url, manner: manner)])
        // Long enough that nothing here is seen because its time was over.
        try await withGateway(caches: caches, configure: { $0.pageSeconds = 3_600 }) { house in
            try await FrontProxy.withVarnish(on: front, to: house.api.port, vcl: Self.vcl) {
                let endpoint = HTTPEndpoint(host: "127.0.0.1", port: front)
                func get(_ path: String, _ headers: HTTPHeaders = [:]) async throws -> Answer {
                    Answer(
                        try await house.client.send(HTTPRequest(.get, path, headers: headers), to: endpoint)
                    )
                }
                let id = try await house.schedule()
                let map = "/v1/on-sales/\(id)/seat-map"
                let place = try await house.join(id)
                try await house.shiftClock(seconds: 3_600)
                let buyer = try await house.admit(place)
                try await house.settlePages()
                while try await get(map)["state"]?.string != "admitting" {
                    try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.05)"))
                }
                _ = try await get(map)
                let kept = try await get(
                    map + "?who=1",
                    ["Cookie": "usher_place_\(id)=x", "Host": "other.example"]
                )
                #expect(kept.status == 200 && kept.response.headers["X-Cache"] == "HIT", "\(kept)")
                #expect(kept["sections"]?.array?.first?["left"]?.string == "few")
                let tag = try #require(kept.response.headers["ETag"])
                #expect(try await get(map, ["If-None-Match": tag]).status == 304)
                // The keys are between us and the caches.
                #expect(kept.response.headers["Surrogate-Key"] == nil)
                // Three buyers take all ten seats of the balcony.
                for (range, key) in [(1...4, "a"), (5...8, "b"), (9...10, "c")] {
                    let list = range.map { "\"B-A-\($0)\"" }.joined(separator: ",")
                    let token =
                        range.lowerBound == 1 ? buyer : try await house.admit(try await house.join(id))
                    let held = try await house.reserve("{\"seats\": [\(list)]}", token, key: key)
                    #expect(held.status == 201, "\(held)")
                }
                while try await get(map)["sections"]?.array?.first?["left"]?.string != "none" {
                    try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.05)"))
                }
                let fresh = try await get(map)
                #expect(fresh.response.headers["ETag"] != tag)
                // Nobody else's to purge or to make a mess of.
                let ban = HTTPRequest(
                    HTTPMethod(rawValue: "BAN"),
                    "/",
                    headers: ["Surrogate-Key": "a || obj.ttl > 0s"]
                )
                #expect(try await house.client.send(ban, to: endpoint).status == 400)
                // What is a buyer's own is passed on.
                let line = try await get("/on-sales/\(id)", ["Cookie": "usher_place_\(id)=x"])
                #expect(line.status == 200 && line.response.headers["X-Cache"] == "MISS")
            }
        }
    }
}
