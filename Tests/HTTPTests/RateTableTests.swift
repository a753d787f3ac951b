import Reactor
import Testing

@testable import HTTP

struct RateTableTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)

    @Test func `A burst, then as many as the rate`() {
        let table = RateTable(RequestRate(perSecond: 10, burst: 5), capacity: 1_024)
        for _ in 0..<5 { #expect(table.ask(1, at: start) == nil) }
        #expect(table.ask(1, at: start) == .milliseconds(100))
        #expect(table.ask(1, at: start + .milliseconds(99)) != nil)
        #expect(table.ask(1, at: start + .milliseconds(100)) == nil)
        #expect(table.ask(1, at: start + .milliseconds(100)) == .milliseconds(100))
        // What was refused did not count.
        #expect(table.ask(1, at: start + .milliseconds(200)) == nil)
        for _ in 0..<5 { #expect(table.ask(1, at: start + .seconds(10)) == nil) }
        #expect(table.ask(1, at: start + .seconds(10)) != nil)
    }

    @Test func `One asker's flood is not another's`() {
        let table = RateTable(RequestRate(perSecond: 1, burst: 2), capacity: 1_024)
        for _ in 0..<50 { _ = table.ask(7, at: start) }
        #expect(table.ask(7, at: start) != nil)
        for asker in 100..<150 { #expect(table.ask(UInt64(asker), at: start) == nil) }
        #expect(table.ask(7, at: start) != nil)
    }

    @Test func `More askers than it has room for are let through, and the busiest is kept`() {
        let table = RateTable(RequestRate(perSecond: 1, burst: 100), capacity: 128)
        for _ in 0..<100 { #expect(table.ask(7, at: start) == nil) }
        for asker in 1_000..<3_000 { #expect(table.ask(UInt64(asker), at: start) == nil) }
        #expect(table.ask(7, at: start) != nil)
    }

    @Test func `A client is an IPv4 address or half an IPv6 one`() throws {
        func client(_ text: String) throws -> UInt64 {
            try #require(SocketAddress(literal: text, port: 1)).client
        }
        #expect(try client("192.0.2.1") != client("192.0.2.2"))
        #expect(try client("2001:db8:0:1::1") == client("2001:db8:0:1:ffff::2"))
        #expect(try client("2001:db8:0:1::1") != client("2001:db8:0:2::1"))
    }
}
