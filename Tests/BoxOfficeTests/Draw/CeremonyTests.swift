@testable import BoxOffice
import Postgres
import Testing
import TestSupport

/// From the promise to the draw: what may be filed when, and what becomes of a draw that something is missing of.
@Suite(.timeLimit(.minutes(5)))
struct CeremonyTests {
    private let secret = [UInt8](repeating: 7, count: 32)
    private var commitment: String { Hex.encode(Commitment.to(secret)) }

    /// The database's clock stands where the room opens, an hour from now; the start is 1,800 s later.
    private func withRoom(
        _ draw: (_ start: PostgresTimestamp) -> String,
        _ body: (RoomFixture) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            try await database.client.stopClock()
            let now = try await database.client.first(Query("test.now", "SELECT usher_now()"))
            let opening: PostgresTimestamp = try #require(try now?[0])
            try await RoomFixture.with(
                in: database,
                opening: opening,
                ["draw": draw(opening + .seconds(1800))]
            ) {
                room in
                #expect(try await room.advance().state == .prequeue)
                _ = try await room.join(["a", "b", "c", "d"])
                try await room.pass(.seconds(1800))
                try await body(room)
            }
        }
    }

    private func announced(_ start: PostgresTimestamp, after seconds: Int, _ more: String = "") -> String {
        #"{"beacon": {"announced": "the lottery", "at": "\#(start + .seconds(seconds))"}\#(more)}"#
    }

    private func seal(_ room: RoomFixture) async throws {
        for _ in 0..<2 { #expect(try await !room.advance().drawn) }
        #expect(try await room.status().root != nil)
    }

    @Test func `the beacon and the secret are filed after the seal, and both make the key`() async throws {
        try await withRoom({
            announced($0, after: 300, #", "commitment": "\#(commitment)", "reveal_seconds": 60"#)
        }) {
            room in
            let (onSales, id) = (room.onSales, room.onSale)
            // Before the seal nothing is taken.
            await #expect(throws: DrawFilingProblem.tooEarly) {
                try await onSales.reveal(id, secret: secret, by: "test")
            }
            await #expect(throws: DrawFilingProblem.tooEarly) {
                try await onSales.fileBeacon(id, value: "early", proof: "none", by: "test")
            }
            try await seal(room)
            await #expect(throws: DrawFilingProblem.notCommittedTo) {
                try await onSales.reveal(id, secret: [UInt8](repeating: 8, count: 32), by: "test")
            }
            await #expect(throws: DrawFilingProblem.tooEarly) {
                try await onSales.fileBeacon(id, value: "early", proof: "none", by: "test")
            }
            try await onSales.reveal(id, secret: secret, by: "test")
            await #expect(throws: DrawFilingProblem.filedAlready) {
                try await onSales.reveal(id, secret: secret, by: "test")
            }
            // Handed in, and not shown.
            #expect(try await room.status().revealedSecret == nil)
            #expect(try await room.advance().next == room.status().ceremony.due?.at)
            try await room.pass(.seconds(301))
            let waiting = try await room.advance()
            #expect(!waiting.drawn && waiting.fetch == nil)
            try await onSales.fileBeacon(id, value: "4 8 15 16 23 42", proof: "the newspaper", by: "test")
            await #expect(throws: DrawFilingProblem.filedAlready) {
                try await onSales.fileBeacon(id, value: "another", proof: "none", by: "test")
            }
            #expect(try await room.advance().drawn)
            let status = try await room.status()
            #expect(status.ceremony.flags == [])
            #expect(status.revealedSecret == secret)
            let root = try #require(status.root)
            let beacon = Array("4 8 15 16 23 42".utf8)
            #expect(status.drawKey == DrawKey.derive(secret: secret, beacon: beacon, root: root))
            #expect(try await room.offenders() == [])
            await #expect(throws: OnSaleProblem.self) {
                try await onSales.fileBeacon(id, value: "late", proof: "none", by: "test")
            }
        }
    }

    @Test func `what is not there by its deadline is left out, and flagged`() async throws {
        try await withRoom({
            announced($0, after: 300, #", "commitment": "\#(commitment)", "reveal_seconds": 60"#)
        }) {
            room in
            try await seal(room)
            try await room.pass(.seconds(61))
            await #expect(throws: DrawFilingProblem.tooLate) {
                try await room.onSales.reveal(room.onSale, secret: secret, by: "test")
            }
            try await room.pass(.seconds(240 + 600))
            await #expect(throws: DrawFilingProblem.tooLate) {
                try await room.onSales.fileBeacon(room.onSale, value: "7", proof: "none", by: "test")
            }
            #expect(try await room.advance().drawn)
            let status = try await room.status()
            #expect(status.ceremony.flags == [.beaconMissing, .secretWithheld])
            #expect(status.revealedSecret == nil)
            #expect(
                status.drawKey == DrawKey.derive(secret: [], beacon: nil, root: try #require(status.root))
            )
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `a seal that comes too late takes a later round, or none at all`() async throws {
        let drand = { (start: PostgresTimestamp) in
            """
            {"beacon": {"drand": "http://127.0.0.1:1", "genesis_at": "\(start - .seconds(3000))", "period_seconds": 30}}
            """
        }
        try await withRoom(drand) { room in
            // Round 1 was 3,000 s before the start; the first that is more than 10 s after it is number 102.
            let promised = try #require(try await room.status().ceremony.due)
            #expect(promised.round == 102)
            try await room.pass(.seconds(95))
            try await seal(room)
            let ceremony = try await room.status().ceremony
            #expect(ceremony.due?.round == 105)
            #expect(ceremony.flags == [.sealedLate, .beaconMoved])
            let progress = try await room.advance()
            #expect(progress.next == ceremony.due?.at)
            try await room.pass(.seconds(30))
            #expect(try await room.advance().fetch == BeaconRequest(url: "http://127.0.0.1:1", round: 105))
        }
        try await withRoom({ announced($0, after: 30) }) { room in
            try await room.pass(.seconds(40))
            try await seal(room)
            #expect(try await room.advance().drawn)
            #expect(try await room.status().ceremony.flags == [.beaconMissing])
        }
    }

    @Test func `nothing is filed that the plan did not provide for`() async throws {
        try await withRoom({ _ in "{}" }) { room in
            try await seal(room)
            await #expect(throws: DrawFilingProblem.notAwaited) {
                try await room.onSales.reveal(room.onSale, secret: secret, by: "test")
            }
            await #expect(throws: DrawFilingProblem.notAwaited) {
                try await room.onSales.fileBeacon(room.onSale, value: "7", proof: "none", by: "test")
            }
            #expect(try await room.advance().drawn)
            #expect(try await room.status().ceremony.flags == [.noBeacon])
        }
    }

    @Test func `another start moves the promised round, and not past an announced one`() async throws {
        try await RoomFixture.with { room in
            let opens = try await room.onSales.find(room.onSale).opensAt
            let draw = """
                {"beacon": {"drand": "https://a.example/c", "genesis_at": "\(opens)", "period_seconds": 30}}
                """
            let plan = RoomFixture.plan(opening: opens, ["draw": draw])
            let other = RoomFixture(
                postgres: room.postgres,
                onSale: try await room.onSales.schedule(json: plan, by: "test").id
            )
            #expect(try await other.status().ceremony.due?.round == 62)
            let later = Array(#"{"starts_at": "\#(opens + .seconds(3600))"}"#.utf8)
            _ = try await room.onSales.patch(other.onSale, json: later, by: "test")
            #expect(try await other.status().ceremony.due?.round == 122)
            let fixed = RoomFixture.plan(
                opening: opens,
                ["draw": announced(opens + .seconds(1800), after: 60)]
            )
            let announced = try await room.onSales.schedule(json: fixed, by: "test")
            await #expect(throws: OnSaleProblem.self) {
                try await room.onSales.patch(announced.id, json: later, by: "test")
            }
        }
    }

    @Test(arguments: [
        (#"{"beacon": {}}"#, "draw.beacon"),
        (#"{"beacon": {"announced": "x", "at": "2020-01-01T00:00:00Z"}}"#, "draw.beacon.at"),
        (
            #"{"beacon": {"drand": "ftp://x", "genesis_at": "2020-01-01T00:00:00Z", "period_seconds": 3}}"#,
            "drand"
        ),
        (#"{"beacon": {"drand": "https://x", "period_seconds": 3}}"#, "draw.beacon.genesis_at"),
        (#"{"commitment": "xyz"}"#, "draw.commitment"), (#"{"reveal_seconds": 1}"#, "draw.reveal_seconds"),
        (#"{"secret": "x"}"#, "draw.secret"), (#""x""#, "draw"),
    ])
    func `a plan that can't be drawn by is refused, field by field`(draw: String, path: String) throws {
        let plan = RoomFixture.plan(opening: .now, ["draw": draw])
        let error = try #require(throws: PlanError.self) { try Plan(json: plan) }
        #expect(error.issues.contains { $0.path.hasSuffix(path) }, "\(error)")
    }

    @Test func `a round of drand is read only if it fits`() {
        let signature = [UInt8]("a signature".utf8)
        let value = Digest.sha256(signature)
        func body(_ round: Int, _ randomness: [UInt8]) -> [UInt8] {
            Array(
                #"{"round":\#(round),"randomness":"\#(Hex.encode(randomness))","signature":"\#(Hex.encode(signature))"}"#
                    .utf8
            )
        }
        #expect(DrandBeacon.read(body(9, value), round: 9) == .value(value, proof: Hex.encode(signature)))
        for answer in [body(8, value), body(9, Digest.sha256([])), Array("[]".utf8), []] {
            guard case .unavailable = DrandBeacon.read(answer, round: 9) else {
                Issue.record("\(String(decoding: answer, as: UTF8.self)) was taken for round 9")
                continue
            }
        }
    }
}
