import Foundation
import HTTP
import Jobs
import Postgres
import Reactor
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// Caches are told what to forget, in few calls, again when they fail, and each by itself.
@Suite(.timeLimit(.minutes(5)))
struct PagePurgeTests {
    private func state(_ house: GatewayAtWork) async throws -> [PagePurges.CacheView] {
        try await PagePurges.caches(in: house.database.client)
    }

    /// Waits until a cache has been told everything, both times.
    private func settled(_ house: GatewayAtWork, _ cache: String) async throws {
        while true {
            let row = try await house.database.client.first(
                Query(
                    "test.settled",
                    "SELECT count(*), count(*) FILTER (WHERE rounds > 0) FROM page_purges WHERE cache = \(cache)"
                )
            )
            if let row, (try row[0] as Int64) > 0, (try row[1] as Int64) == 0 { return }
            try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
        }
    }

    @Test func `A change is purged twice, by the keys of what changed`() async throws {
        try await withDatabaseLoops { loops in
            try await CacheStandIn.run(on: loops) { stand, address in
                let url = try #require(URL(string: address))
                let cache = VarnishCache(url: url)
                try await withGateway(caches: PageCaches([cache])) { house in
                    let id = try await house.schedule()
                    _ = try await house.poll("/v1/on-sales/\(id)/seat-map") {
                        $0["state"]?.string == "prequeue"
                    }
                    try await house.settlePages()
                    try await house.promote(id, "message", #"{"message": "Doors at eight"}"#)
                    // On a busy machine with what changed by itself meanwhile.
                    try await stand.wait { $0.filter { $0.keys.contains("\(id)-event") }.count >= 2 }
                    try await settled(house, cache.name)
                    #expect(stand.breaches == [])
                    #expect(stand.calls.allSatisfy { $0.method == "BAN" && $0.target == "/" })
                    let view = try #require(try await state(house).first)
                    #expect(
                        view.cache == cache.name && view.failures == 0 && view.waiting == 0 && view.lag == 0
                    )
                    #expect(view.purged >= 2 && view.calls <= view.purged)
                }
            }
        }
    }

    @Test func `One that fails is asked again and keeps no other waiting, and no page`() async throws {
        try await withDatabaseLoops { loops in
            try await CacheStandIn.run(on: loops) { good, goodAddress in
                try await CacheStandIn.run(on: loops, methods: ["POST"], tokenField: "Fastly-Key") {
                    bad,
                    badAddress in
                    var interface = HTTPCache.Interface(url: "\(badAddress)/service/7/purge")
                    interface.tokenField = "Fastly-Key"
                    interface.token = "a secret"
                    let failing = try #require(HTTPCache(interface))
                    let working = VarnishCache(url: try #require(URL(string: goodAddress)))
                    bad.refuse(with: [503, 500, 503])
                    try await withGateway(caches: PageCaches([failing, working])) { house in
                        let id = try await house.schedule()
                        _ = try await house.poll("/v1/on-sales/\(id)/seat-map") {
                            $0["state"]?.string == "prequeue"
                        }
                        try await house.settlePages()
                        try await house.promote(id, "message", #"{"message": "Doors at eight"}"#)
                        try await good.wait { $0.contains { $0.keys.contains("\(id)-event") } }
                        try await bad.wait { $0.contains { $0.keys.contains("\(id)-event") } }
                        try await settled(house, failing.name)
                        #expect(good.breaches == [] && bad.breaches == [])
                        let told = try #require(bad.calls.last)
                        #expect(told.method == "POST" && told.target == "/service/7/purge")
                        #expect(told.token == "a secret")
                        let views = try await state(house)
                        #expect(views.map(\.failures) == [0, 0] && views.map(\.problem) == [nil, nil])
                        #expect(!views.contains { $0.cache.contains("secret") })
                    }
                }
            }
        }
    }

    @Test func `A cache that is down is named with its failures`() async throws {
        try await withDatabaseLoops { _ in
            // Nobody listens there.
            let url = try #require(URL(string: "http://127.0.0.1:\(try TestCluster.freePort())"))
            let cache = VarnishCache(url: url)
            try await withGateway(caches: PageCaches([cache])) { house in
                let id = try await house.schedule()
                let map = "/v1/on-sales/\(id)/seat-map"
                _ = try await house.poll(map) { $0["state"]?.string == "prequeue" }
                try await house.promote(id, "message", #"{"message": "Doors at eight"}"#)
                while try await state(house).first.map({ $0.failures < 2 }) ?? true {
                    try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.02)"))
                }
                let view = try #require(try await state(house).first)
                #expect(view.problem == "it can't be reached" && view.waiting > 0)
                // Pages are made all the same.
                try await house.promote(id, "message", #"{"message": "Doors at nine"}"#)
                _ = try await house.pollText("/on-sales/\(id)/event") { $0.contains("Doors at nine") }
                // The metrics name it, at the next look.
                let name = "usher_page_purge_failures{cache=\"\(cache.name)\"}"
                while true {
                    let page = try await house.client.send(HTTPRequest(.get, "/metrics"), to: house.admin)
                    if String(decoding: page.body, as: UTF8.self).contains(name) { break }
                    try await house.database.client.execute(Query("test.pause", "SELECT pg_sleep(0.1)"))
                }
            }
        }
    }

    @Test func `Many changes go in calls of a hundred keys, and a change meanwhile is not lost`() async throws
    {
        try await withDatabaseLoops { loops in
            try await CacheStandIn.run(on: loops) { stand, address in
                let cache = VarnishCache(url: try #require(URL(string: address)))
                try await withGateway(caches: PageCaches([cache])) { house in
                    let client = house.database.client
                    let keys = (1...250).map { "os_\($0)-seats" }
                    try await client.withTransaction { transaction in
                        try await transaction.execute(PagePurges.ask(for: keys, of: [cache.name]))
                        try await PagePurges.offer([cache.name], in: &transaction)
                    }
                    try await settled(house, cache.name)
                    #expect(Set(stand.calls.flatMap(\.keys)) == Set(keys) && stand.breaches == [])
                    #expect(stand.calls.count >= 6 && stand.calls.count < 100, "\(stand.calls.count)")
                    // Asked for again between the look and the note that it was done.
                    try await client.execute(PagePurges.ask(for: ["os_1-seats"], of: [cache.name]))
                    let due = try await client.query(PagePurges.due(cache.name, limit: 10)).map {
                        PagePurges.Due(key: try $0[0], requests: try $0[1])
                    }
                    #expect(due.map(\.key) == ["os_1-seats"])
                    try await client.execute(PagePurges.ask(for: ["os_1-seats"], of: [cache.name]))
                    try await client.pipeline(PagePurges.settle(due, of: cache.name))
                    #expect(try await client.query(PagePurges.due(cache.name, limit: 10)).count == 1)
                }
            }
        }
    }

    @Test func `Addresses and bodies are made of keys for those who want them`() async throws {
        try await withDatabaseLoops { loops in
            try await CacheStandIn.run(on: loops, methods: ["PURGE", "POST", "DELETE"]) { stand, address in
                let url = try #require(URL(string: address))
                let keys = [PurgeKey("os_7-seats"), PurgeKey("os_7-event")]
                try await VarnishCache(url: url, manner: .purge).purge(keys)
                let purged = Set(stand.calls.map(\.target))
                #expect(
                    purged
                        == Set(
                            PageName.all.map { $0.path(of: OnSaleID(publicID: "os_7") ?? .init(rawValue: 0)) }
                        )
                )
                #expect(stand.calls.allSatisfy { $0.method == "PURGE" })
                var interface = HTTPCache.Interface(url: "\(address)/zone")
                interface.keysField = nil
                interface.body = #"{"tags":{keys}}"#
                try await #require(HTTPCache(interface)).purge(keys)
                #expect(stand.calls.last?.body == #"{"tags":["os_7-seats","os_7-event"]}"#)
                var each = HTTPCache.Interface(url: "\(address)/key/{key}")
                each.method = "DELETE"
                try await #require(HTTPCache(each)).purge(keys)
                #expect(stand.calls.suffix(2).map(\.target) == ["/key/os_7-seats", "/key/os_7-event"])
                #expect(HTTPCache(.init(url: "ftp://example.org")) == nil)
            }
        }
    }
}

/// Loops for servers that stand in for others.
private func withDatabaseLoops(_ body: (EventLoopGroup) async throws -> Void) async throws {
    let loops = try EventLoopGroup(count: 1, name: "stand-in")
    defer { loops.stop() }
    try await body(loops)
}

extension GatewayAtWork {
    /// Asks for a page until its text is right.
    func pollText(_ target: String, until isReached: (String) -> Bool) async throws -> String {
        let answer = try await poll(target) { isReached(String(decoding: $0.response.body, as: UTF8.self)) }
        return String(decoding: answer.response.body, as: UTF8.self)
    }
}
