@testable import BoxOffice
import Postgres
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(5)))
struct JoinTests {
    @Test func `the door is shut before opening and after the end, and unknown rooms are named as such`()
        async throws
    {
        try await RoomFixture.with { room in
            let stranger = JoinRequest(
                onSale: OnSaleID(rawValue: 999),
                buyer: [UInt8](repeating: 1, count: 16)
            )
            #expect(
                try await room.joins.commit([room.request("a"), stranger]) == [.notOpen, .unknownOnSale]
            )
            try await room.open()
            #expect(try await room.join(["a"]).map(\.arrival) == [1])
            try await room.onSales.cancel(room.onSale, by: "test", reason: nil)
            #expect(try await room.joins.commit([room.request("b")]) == [.closed])
            #expect(try await room.join(["a"]).map(\.arrival) == [1])
        }
    }

    @Test func `a buyer gets one place, within a batch and across batches`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let outcomes = try await room.joins.commit([
                room.request("a"), room.request("b"), room.request("a"),
            ])
            let again = try await room.joins.commit([room.request("a")])
            guard case .joined(let place, let arrival, isNew: true) = outcomes[0] else {
                Issue.record("\(outcomes)")
                return
            }
            #expect(outcomes[2] == .joined(place: place, arrival: arrival, isNew: false))
            #expect(again == [.joined(place: place, arrival: arrival, isNew: false)])
            #expect(try await room.status().last == 2)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `gateways that join the same buyers at once leave no gap and no double`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let outcomes = try await withThrowingTaskGroup(of: [JoinOutcome].self) { group in
                for gateway in 0..<4 {
                    for batch in 0..<8 {
                        // Neighbouring batches and all gateways share buyers.
                        let names = (0..<10).map { "buyer \((batch * 5 + $0 * (gateway + 1)) % 60)" }
                        group.addTask { try await room.joins.commit(names.map(room.request)) }
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            var places: [PlaceID: Int64] = [:]
            for outcome in outcomes {
                guard case .joined(let place, let arrival, _) = outcome else {
                    Issue.record("\(outcome)")
                    continue
                }
                #expect(places.updateValue(arrival, forKey: place) ?? arrival == arrival)
            }
            let issued = try await room.status().last
            #expect(places.values.sorted() == Array(1...issued))
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `no join straddles the seal`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            _ = try await room.join((0..<20).map { "early \($0)" })
            try await room.pass(.seconds(1800))
            async let joining: Void = {
                for batch in 0..<10 { _ = try await room.join((0..<7).map { "rush \(batch) \($0)" }) }
            }()
            while try await !room.advance().drawn {}
            try await joining
            let status = try await room.status()
            let entries = try #require(status.entries)
            #expect(status.last == 90)
            #expect(entries >= 20)
            let numbers = (1...status.last).map { status.number(ofArrival: $0, orders: room.orders) ?? 0 }
            #expect(numbers.sorted() == Array(1...90))
            #expect(Array(numbers[Int(entries)...]) == Array(entries + 1..<91))
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `the draw is what the page on fairness says`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            #expect(try await room.status().revealedSecret == nil)
            let places = try await room.join((0..<50).map { "buyer \($0)" })
            try await room.start()
            let status = try await room.status()
            let secret = try #require(status.revealedSecret)
            let root = try #require(status.root)
            #expect(Commitment.to(secret) == status.commitment)
            #expect(DrawKey.derive(secret: secret, beacon: nil, root: root) == status.drawKey)
            let leaves = places.flatMap { place in
                let entry = DrawEntry(onSale: room.onSale, arrival: place.arrival, place: place.place)
                return entry.leaf(blinding: entry.blinding(under: status.entrySalt))
            }
            #expect(places.map(\.arrival) == Array(1...50))
            #expect(MerkleTree(leaves: leaves).root == root)
            let proofs = DrawProofs(postgres: room.postgres)
            for place in places {
                let entry = DrawEntry(onSale: room.onSale, arrival: place.arrival, place: place.place)
                let proof = try #require(try await proofs.proof(of: entry, status))
                #expect(entry.leaf(blinding: proof.blinding) == proof.leaf)
                #expect(
                    MerkleTree.verify(
                        leaf: proof.leaf,
                        at: Int(place.arrival) - 1,
                        of: 50,
                        proof: proof.siblings,
                        root: root
                    )
                )
            }
            let late = DrawEntry(onSale: room.onSale, arrival: 51, place: .random())
            #expect(try await proofs.proof(of: late, status) == nil)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `the audit notices a place that was removed, moved or smuggled in`() async throws {
        let crimes: [SQL] = [
            "DELETE FROM places WHERE arrival = 3",
            "UPDATE places SET id = substr(sha256('x'), 1, 16) WHERE arrival = 3",
            "UPDATE places SET number = 2 WHERE arrival = 13",
            "UPDATE on_sales SET draw_secret = sha256('x')",
            "UPDATE on_sales SET serving = 4",
            "UPDATE audit_entries SET actor = 'nobody' WHERE ordinal = 1",
            "DELETE FROM audit_entries WHERE ordinal = 1",
            "DELETE FROM audit_entries WHERE ordinal = (SELECT max(ordinal) FROM audit_entries)",
            "DELETE FROM audit_chains WHERE on_sale_id <> 0",
        ]
        for (index, crime) in crimes.enumerated() {
            try await RoomFixture.with { room in
                try await room.open()
                _ = try await room.join((0..<10).map { "buyer \($0)" })
                try await room.start()
                _ = try await room.join((0..<5).map { "late \($0)" })
                try await room.onSales.setRate(room.onSale, perMinute: 60, by: "test")
                #expect(try await room.offenders() == [])
                try await room.postgres.execute(Query("test.crime", crime))
                #expect(try await room.offenders() != [], "crime \(index) went unnoticed")
            }
        }
    }
}
