import HTTP
import Postgres
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// What is told on `/v1/on-sales/{id}/live`.
@Suite(.timeLimit(.minutes(5)))
struct LiveTests {
    /// A buyer who listens.
    private struct Listener {
        private var peer: WebSocketPeer

        init(_ house: GatewayAtWork, _ onSale: String) async throws {
            peer = try await WebSocketPeer(port: house.api.port, path: "/v1/on-sales/\(onSale)/live")
        }

        func show(_ token: String) async throws {
            try await peer.send(.text(Array(#"{"type": "place", "token": "\#(token)"}"#.utf8)))
        }

        func say(_ text: String) async throws {
            try await peer.send(.text(Array(text.utf8)))
        }

        /// The next message that is as it should be; those before it are passed over.
        mutating func hear(_ isIt: (JSONValue) -> Bool) async throws -> JSONValue {
            while let message = try await peer.next() {
                guard case .text(let text) = message else { continue }
                let value = try JSONValue(parsing: text)
                if isIt(value) { return value }
            }
            throw WebSocketPeer.NoSocket(description: "the server hung up")
        }

        mutating func hear(_ type: String) async throws -> JSONValue {
            try await hear { $0["type"]?.string == type }
        }

        mutating func isOver() async throws -> Bool { try await peer.next() == nil }

        func close() { peer.raw.close() }
    }

    @Test func `Everyone hears each change, and a buyer what their own place does`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            var buyer = try await Listener(house, onSale)
            var passer = try await Listener(house, onSale)
            let first = try await passer.hear("tick")
            #expect(first["state"]?.string == "prequeue" && first["stale"]?.bool == false, "\(first)")
            try await buyer.show(place.token)
            let waits = try await buyer.hear("place")
            #expect(waits["place"]?.string == place.id && waits["state"]?.string == "prequeue", "\(waits)")

            try await house.shiftClock(seconds: 3_700)
            let opened = try await passer.hear { $0["state"]?.string == "admitting" }
            #expect((opened["seq"]?.int ?? 0) > (first["seq"]?.int ?? 0))
            let called = try await buyer.hear { $0["state"]?.string == "called" }
            #expect(
                called["type"]?.string == "place" && called["turn_expires_at"]?.string != nil,
                "\(called)"
            )
            _ = try await house.admit(place)
            let inside = try await buyer.hear { $0["state"]?.string == "admitted" }
            #expect(inside["type"]?.string == "place", "\(inside)")

            // The tick names the document that has the rest.
            let paused = try await house.send(
                .post,
                "/v1/promoter/on-sales/\(onSale)/pause",
                "{}",
                token: house.promoterKey
            )
            #expect(paused.status == 200, "\(paused)")
            let tick = try await passer.hear { $0["state"]?.string == "paused" }
            let status = try await house.poll("/v1/on-sales/\(onSale)/status") {
                $0["state"]?.string == "paused"
            }
            #expect(status.response.headers["ETag"] == tick["status"]?.string)
            buyer.close()
            passer.close()
        }
    }

    @Test func `What is said wrong is answered with a problem, and the channel stays`() async throws {
        try await withGateway { house in
            let (onSale, other) = (try await house.schedule(), try await house.schedule())
            let place = try await house.join(other)
            var buyer = try await Listener(house, onSale)
            for (text, code) in [
                ("hello", "malformed_json"), (#"{"type": "dance"}"#, "malformed_json"),
                (#"{"type": "place", "token": "pt_forged"}"#, "invalid_token"),
                (#"{"type": "place", "token": "\#(place.token)"}"#, "wrong_place"),
                (#"{"type": "reservation", "token": "at_forged"}"#, "malformed_json"),
                (#"{"type": "reservation", "reservation": "rs_1", "token": "at_forged"}"#, "invalid_token"),
                (#"{"type": "reservation", "reservation": "rs_1", "token": 7}"#, "malformed_json"),
                (#"{"type": "reservation", "reservation": "rs_1"}"#, "token_required"),
            ] {
                try await buyer.say(text)
                let problem = try await buyer.hear("problem")
                #expect(problem["code"]?.string == code, "\(text): \(problem)")
            }
            buyer.close()
        }
    }

    @Test func `A buyer hears that a hold is about to end, that it ended, and that a ticket is sold`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            try await house.shiftClock(seconds: 3_700)
            let admission = try await house.admit(place)
            var ids: [String] = []
            for key in ["a", "b"] {
                let held = try await house.reserve(
                    #"{"tier": "standing", "quantity": 1}"#,
                    admission,
                    key: key
                )
                ids.append(try #require(held["reservation"]?.string, "\(held)"))
            }
            var buyer = try await Listener(house, onSale)
            for id in ids {
                try await buyer.say(
                    #"{"type": "reservation", "reservation": "\#(id)", "token": "\#(admission)"}"#
                )
                let first = try await buyer.hear("reservation")
                #expect(first["reservation"]?.string == id && first["state"]?.string == "held", "\(first)")
                #expect(first["expiring"]?.bool == false)
            }
            let pay = try await house.send(
                .post,
                "/v1/reservations/\(ids[1])/checkout",
                #"{"payment_method": "card"}"#,
                token: admission
            )
            #expect(pay.status == 202, "\(pay)")
            let sold = try await buyer.hear { $0["state"]?.string == "sold" }
            #expect(sold["reservation"]?.string == ids[1] && sold["type"]?.string == "reservation", "\(sold)")

            try await house.shiftClock(seconds: 560)
            let expiring = try await buyer.hear { $0["expiring"]?.bool == true }
            #expect(expiring["reservation"]?.string == ids[0] && expiring["state"]?.string == "held")
            try await house.shiftClock(seconds: 60)
            let expired = try await buyer.hear { $0["state"]?.string == "expired" }
            #expect(expired["reservation"]?.string == ids[0] && expired["expiring"]?.bool == false)
            buyer.close()

            let raw = try await RawConnection(port: house.api.port)
            try await raw.send(
                "GET /v1/on-sales/\(onSale)/live?reservation=\(ids[1]) HTTP/1.1\r\nHost: a\r\n"
                    + "Accept: text/event-stream\r\nAuthorization: Bearer \(admission)\r\n\r\n"
            )
            let text = try await raw.read { $0.contains("\"state\":\"sold\"") }
            #expect(text.contains("\"type\":\"reservation\""))
            raw.close()
        }
    }

    @Test func `A stream of events has the same content, by its token, too`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let raw = try await RawConnection(port: house.api.port)
            try await raw.send(
                "GET /v1/on-sales/\(onSale)/live HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream, */*\r\n"
                    + "Authorization: Bearer \(place.token)\r\n\r\n"
            )
            let id = place.id
            let text = String(
                decoding: try await raw.bytes {
                    let text = String(decoding: $0, as: UTF8.self)
                    return text.contains("\"type\":\"tick\"") && text.contains("\"place\":\"\(id)\"")
                },
                as: UTF8.self
            )
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.contains("id: "), "\(text)")
            raw.close()
            let plain = try await house.send(.get, "/v1/on-sales/\(onSale)/live")
            #expect(plain.status == 426 && plain.code == "upgrade_required", "\(plain)")
            let unknown = try await house.send(
                .get,
                "/v1/on-sales/os_zzz/live",
                headers: ["Accept": "text/event-stream"]
            )
            #expect(unknown.status == 404 && unknown.code == "unknown_on_sale", "\(unknown)")
            let forged = try await house.send(
                .get,
                "/v1/on-sales/\(onSale)/live",
                token: "pt_forged",
                headers: ["Accept": "text/event-stream"]
            )
            #expect(forged.status == 401, "\(forged)")
        }
    }

    @Test func `Python's websockets listens, shows a place and leaves in order`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let place = try await house.join(onSale)
            let lines = try await PythonScript.run(
                "websocket_peer.py",
                "gateway",
                "ws://127.0.0.1:\(house.api.port)/v1/on-sales/\(onSale)/live",
                place.token
            )
            #expect(lines == ["first tick prequeue", "place prequeue", "pong", "closed 1000"])
        }
    }

    @Test func `A gateway that stops says so, and when to come again`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0.status == 200 }
            var buyer = try await Listener(house, onSale)
            _ = try await buyer.hear("tick")
            house.gateway.drain()
            let bye = try await buyer.hear("bye")
            #expect((500...5_000).contains(bye["retry_after_ms"]?.int ?? 0), "\(bye)")
            while try await !buyer.isOver() {}
            buyer.close()
        }
    }

    @Test func `When the database is away, ticks say that they are stale`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            _ = try await house.poll("/v1/on-sales/\(onSale)/status") { $0.status == 200 }
            var buyer = try await Listener(house, onSale)
            let fresh = try await buyer.hear("tick")
            #expect(fresh["stale"]?.bool == false)
            await house.pool.shutdown()
            let stale = try await buyer.hear { $0["stale"]?.bool == true }
            #expect(stale["seq"]?.int == fresh["seq"]?.int)
            buyer.close()
        }
    }
}
