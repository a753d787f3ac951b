import BoxOffice
import HTTP
import Reactor
import TestSupport

@testable import usher

/// Buyers who join, look, come in and hold without end, and write down every answer that they were given.
///
/// They are as patient as they are told to be: after 503 they wait for as long as it says, and ask the same again.
final class OutageCrowd: Sendable {
    /// What they were told.
    struct Ledger: Sendable {
        /// The places that were acknowledged, by the secret that asked for them.
        var places: [String: String] = [:]
        /// The reservations that were acknowledged, by the key and the session that asked for them.
        var holds: [Hold: String] = [:]
        /// How often who was refused because of the database.
        var refusals: [String: Int] = [:]
        /// Reads that said that they were stale, and since when.
        var staleReads: [String: Int] = [:]
        var freshReads = 0
        /// How long the slowest answer took, by what was asked.
        var slowest: [String: Duration] = [:]
        /// What nobody should have been told.
        var wrong: [String] = []
    }

    struct Hold: Sendable, Hashable {
        let session: String
        let key: String
    }

    /// More tries than an outage of minutes takes; whoever needs them all hangs.
    private static let tries = 200

    private let client: HTTPClient
    private let api: HTTPEndpoint
    /// One that is open, whose places wait for the draw.
    let waiting: String
    /// One that lets people in.
    private let selling: String
    private let state = Lock(Ledger())
    private let over = Lock(false)

    init(client: HTTPClient, api: HTTPEndpoint, waiting: String, selling: String) {
        (self.client, self.api, self.waiting, self.selling) = (client, api, waiting, selling)
    }

    var ledger: Ledger { state.withLock { $0 } }
    /// Lets everyone finish what they are at.
    func end() { over.withLock { $0 = true } }
    private var isOver: Bool { over.withLock { $0 } }

    /// Everyone, until ``end()``.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { try await self.keepJoining() } }
            for _ in 0..<4 { group.addTask { try await self.keepHolding() } }
            for _ in 0..<3 { group.addTask { try await self.keepComing() } }
            for _ in 0..<2 { group.addTask { try await self.keepLooking() } }
            try await group.waitForAll()
        }
    }

    /// Waits until so much has happened.
    func wait(for what: String, until isSo: (Ledger) -> Bool) async throws {
        let deadline = MonotonicTime.now + .seconds(90)
        while !isSo(ledger) {
            guard MonotonicTime.now < deadline else {
                // Printed, too: whoever waits for a server that is gone may outlast the test.
                print(
                    "no \(what) in time: \(ledger.refusals) \(ledger.staleReads) \(ledger.wrong) \(ledger.slowest)"
                )
                throw Failure("no \(what) in time: \(ledger)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    // MARK: What they do

    private func keepJoining() async throws {
        while !isOver {
            _ = try await join(waiting)
            // The pace of the crowd, and no wait for anything.
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func keepHolding() async throws {
        let session = try await comeIn()
        while !isOver {
            let reservation = try await hold(Hold(session: session, key: Self.random()))
            try await release(reservation, session)
        }
    }

    private func keepComing() async throws {
        while !isOver { _ = try await hold(Hold(session: try await comeIn(), key: Self.random())) }
    }

    private func keepLooking() async throws {
        let (place, token) = try await join(waiting)
        while !isOver {
            try await look("status", "/v1/on-sales/\(waiting)/status")
            try await look("place", "/v1/places/\(place)", token: token)
            // Whoever loads the page again sees it, and not that something is missing behind it.
            let page = HTTPRequest(.get, "/on-sales/\(waiting)")
            let shown = try await client.send(page, to: api, timeout: .seconds(20))
            if shown.status != 200 { note("the page: \(shown.status)") }
            // The pace of the crowd, and no wait for anything.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// What is in memory is answered whether or not there is a database.
    private func look(_ what: String, _ path: String, token: String? = nil) async throws {
        let (status, json, _) = try await send("look", .get, path, token: token)
        state.withLock { ledger in
            guard status == 200, let isStale = json["stale"]?.bool else {
                return ledger.wrong.append("\(what): \(status) \(json)")
            }
            if isStale { ledger.staleReads[what, default: 0] += 1 } else { ledger.freshReads += 1 }
            if isStale != (json["as_of"]?.string != nil) { ledger.wrong.append("\(what): \(json)") }
        }
    }

    // MARK: One after the other

    private func join(_ onSale: String) async throws -> (place: String, token: String) {
        let secret = Base64URL.encode(SecureBytes.random(16))
        let joined = try await join(onSale, secret)
        if try await join(onSale, secret).place != joined.place { note("\(secret) has two places") }
        if onSale == waiting { state.withLock { $0.places[secret] = joined.place } }
        return joined
    }

    private func join(_ onSale: String, _ secret: String) async throws -> (place: String, token: String) {
        let path = "/v1/on-sales/\(onSale)/places"
        let json = try await insist("join", .post, path, #"{"secret": "\#(secret)"}"#, until: [201])
        return (json["place"]?.string ?? "", json["token"]?.string ?? "")
    }

    private func comeIn() async throws -> String {
        let (place, token) = try await join(selling)
        while true {
            let json = try await insist("place", .get, "/v1/places/\(place)", token: token, until: [200])
            if json["state"]?.string == "called" { break }
            // As a buyer polls.
            try await Task.sleep(for: .milliseconds(50))
        }
        let path = "/v1/places/\(place)/admission"
        let json = try await insist("admit", .post, path, token: token, again: [409], until: [200])
        return json["admission_token"]?.string ?? ""
    }

    private func hold(_ hold: Hold) async throws -> String {
        let reservation = try await ask(hold)
        state.withLock { $0.holds[hold] = reservation }
        if try await ask(hold) != reservation { note("\(hold.key) has two reservations") }
        return reservation
    }

    private func ask(_ hold: Hold) async throws -> String {
        let json = try await insist(
            "hold",
            .post,
            "/v1/reservations",
            #"{"tier": "standing", "quantity": 1}"#,
            token: hold.session,
            key: hold.key,
            until: [201]
        )
        return json["reservation"]?.string ?? ""
    }

    /// One that is gone when one asks again has been let go by the question that found no answer.
    private func release(_ reservation: String, _ session: String) async throws {
        let path = "/v1/reservations/\(reservation)"
        _ = try await insist("release", .delete, path, token: session, until: [204, 409])
    }

    // MARK: Afterwards

    /// Asks once more for everything that was acknowledged: it must still be the same.
    func checkAll() async throws {
        let said = ledger
        for (secret, place) in said.places where try await join(waiting, secret).place != place {
            note("the place of \(secret) is another one now")
        }
        for (hold, reservation) in said.holds where try await ask(hold) != reservation {
            note("the reservation of \(hold.key) is another one now")
        }
    }

    // MARK: Asking

    /// Asks until the answer is final; 503 that says when to come back is none.
    private func insist(
        _ what: String,
        _ method: HTTPMethod,
        _ path: String,
        _ body: String? = nil,
        token: String? = nil,
        key: String? = nil,
        again: Set<Int> = [],
        until final: Set<Int>
    ) async throws -> JSONValue {
        for _ in 0..<Self.tries {
            let (status, json, wait) = try await send(what, method, path, body, token: token, key: key)
            if final.contains(status) { return json }
            guard let wait, status == 503 || again.contains(status) else {
                note("\(what): \(status) \(json)")
                throw Failure("\(what): \(status) \(json)")
            }
            if status == 503 { state.withLock { $0.refusals[what, default: 0] += 1 } }
            // As Retry-After asks.
            try await Task.sleep(for: .seconds(wait))
        }
        note("\(what): no answer in \(Self.tries) tries")
        throw Failure("\(what): no answer")
    }

    private func send(
        _ what: String,
        _ method: HTTPMethod,
        _ path: String,
        _ body: String? = nil,
        token: String? = nil,
        key: String? = nil
    ) async throws -> (status: Int, json: JSONValue, retryAfter: Int?) {
        var request = HTTPRequest(method, path, body: Array((body ?? "").utf8))
        if let token { request.headers["Authorization"] = "Bearer \(token)" }
        if let key { request.headers["Idempotency-Key"] = key }
        if body != nil { request.headers["Content-Type"] = "application/json" }
        let began = MonotonicTime.now
        // An answer that does not come in that time is none.
        let answer = try await client.send(request, to: api, timeout: .seconds(20))
        let took = MonotonicTime.now - began
        state.withLock { $0.slowest[what] = max(took, $0.slowest[what] ?? .zero) }
        let json = answer.body.isEmpty ? .null : try JSONValue(parsing: answer.body)
        return (answer.status, json, answer.headers["Retry-After"].flatMap { Int($0) })
    }

    private func note(_ wrong: String) { state.withLock { $0.wrong.append(wrong) } }

    private static func random() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }
}
