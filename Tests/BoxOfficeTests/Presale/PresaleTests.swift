import Jobs
import Postgres
import Testing
import Workflows

@testable import BoxOffice

/// Codes, invitations, groups that go first, and tiers that are theirs for a while.
@Suite(.timeLimit(.minutes(5)))
struct PresaleTests {
    private static let groups = """
        [{"id": "fans", "name": "Fan club", "priority": 1, "max_per_buyer": 2}, {"id": "card", "priority": 2}]
        """

    private func with(
        _ fields: [String: String] = [:],
        _ body: (RoomFixture, Presale, [UInt8]) async throws -> Void
    ) async throws {
        try await RoomFixture.with(["groups": Self.groups].merging(fields) { $1 }) { room in
            let salt = try await room.status().entrySalt
            try await body(room, Presale(postgres: room.postgres), salt)
        }
    }

    private func request(
        _ room: RoomFixture,
        _ name: String,
        _ code: String? = nil,
        _ salt: [UInt8] = [],
        needsGroup: Bool = false
    ) -> JoinRequest {
        JoinRequest(
            onSale: room.onSale,
            buyer: Buyer.proven(name).fingerprint(under: salt),
            code: code.flatMap { PresaleCode.fingerprint(of: $0, under: salt) },
            hasGroups: true,
            needsGroup: needsGroup
        )
    }

    private func group(_ room: RoomFixture, _ arrival: Int64) async throws -> Int {
        let rows = try await room.postgres.query(
            Query("test.group", "SELECT group_ordinal FROM places WHERE arrival = \(arrival)")
        )
        return try rows[0][0]
    }

    private func arrival(_ outcome: JoinOutcome?) -> Int64? {
        if case .joined(_, let arrival, _) = outcome { arrival } else { nil }
    }

    @Test func `A code is read however it is typed, and nothing else is one`() {
        let code = PresaleCode.random()
        #expect(code.count == 23 && code != PresaleCode.random())
        let print = PresaleCode.fingerprint(of: code, under: [1])
        #expect(print != nil && print != PresaleCode.fingerprint(of: code, under: [2]))
        let typed = code.uppercased().replacing("-", with: " ").replacing("0", with: "O").replacing(
            "1",
            with: "l"
        )
        #expect(PresaleCode.fingerprint(of: typed, under: [1]) == print)
        for wrong in ["", "7k2qx", code + "7", "u" + code.dropFirst(), "\(code)\u{0}"] {
            #expect(PresaleCode.fingerprint(of: wrong, under: [1]) == nil, "\(wrong)")
        }
    }

    @Test func `Of a hundred who come with one code from four gateways, one is let in by it`() async throws {
        try await with { room, presale, salt in
            let codes = try await presale.addCodes(2, group: "fans", of: room.onSale, by: "test")
            try await room.open()
            let outcomes = try await withThrowingTaskGroup(of: [JoinOutcome].self) { group in
                for gateway in 0..<4 {
                    let batch = (0..<25).map { request(room, "\(gateway) \($0)", codes[0], salt) }
                    group.addTask { try await Joins(postgres: room.postgres).commit(batch) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let places = outcomes.compactMap { arrival($0) }
            #expect(places == [1])
            #expect(outcomes.count { $0 == .codeUsed } == 99)
            #expect(try await group(room, 1) == 1)
            #expect(try await room.status().last == 1)
            let counts = try await presale.counts(of: room.onSale)
            #expect(counts.map(\.codes) == [2, 0] && counts.map(\.used) == [1, 0])
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `A code that is wrong, taken back or another's takes no place, and its user keeps theirs`()
        async throws
    {
        try await with { room, presale, salt in
            let codes = try await presale.addCodes(3, group: "card", of: room.onSale, by: "test")
            try await room.open()
            let first = try await room.joins.commit([request(room, "a", codes[0], salt)])
            #expect(arrival(first[0]) == 1)
            #expect(try await presale.revokeCodes(group: "card", of: room.onSale, by: "test") == 2)
            let second = try await room.joins.commit([
                request(room, "b", codes[0], salt), request(room, "c", codes[1], salt),
                request(room, "d", PresaleCode.random(), salt), request(room, "a", codes[0], salt),
                request(room, "a", nil, salt), request(room, "e", nil, salt),
            ])
            #expect(second[0] == .codeUsed && second[1] == .unknownCode && second[2] == .unknownCode)
            #expect(second[3...].map { arrival($0) } == [1, 1, 2])
            #expect(try await group(room, 1) == 2)
            #expect(try await group(room, 2) == 0)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `Whoever has a place can still become a member, by a code or an invitation`() async throws {
        try await with { room, presale, salt in
            let codes = try await presale.addCodes(2, group: "fans", of: room.onSale, by: "test")
            try await room.open()
            _ = try await room.joins.commit([request(room, "a", nil, salt), request(room, "b", nil, salt)])
            try await presale.invite(["b", "c"], group: "card", of: room.onSale, by: "test")
            let again = try await room.joins.commit([
                request(room, "a", codes[0], salt), request(room, "b", nil, salt),
                request(room, "c", nil, salt),
                // A member needs no other code, and uses none up.
                request(room, "c", codes[1], salt),
            ])
            #expect(again.map { arrival($0) } == [1, 2, 3, 3])
            #expect(try await group(room, 1) == 1)
            #expect(try await group(room, 2) == 2)
            #expect(try await group(room, 3) == 2)
            #expect(try await presale.counts(of: room.onSale).map(\.used) == [1, 0])
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `Where only members may join, strangers are told before they wait`() async throws {
        try await with(["invitation_only": "true"]) { room, presale, salt in
            let codes = try await presale.addCodes(1, group: "fans", of: room.onSale, by: "test")
            try await presale.invite(["b"], group: "card", of: room.onSale, by: "test")
            try await room.open()
            let outcomes = try await room.joins.commit([
                request(room, "a", nil, salt, needsGroup: true),
                request(room, "b", nil, salt, needsGroup: true),
                request(room, "c", codes[0], salt, needsGroup: true),
            ])
            #expect(outcomes[0] == .groupRequired)
            #expect(outcomes[1...].map { arrival($0) } == [1, 2])
        }
    }

    @Test func `Groups are drawn in the order of their priorities, each as the draw has it`() async throws {
        try await with { room, presale, salt in
            let fans = try await presale.addCodes(20, group: "fans", of: room.onSale, by: "test")
            let card = try await presale.addCodes(20, group: "card", of: room.onSale, by: "test")
            try await room.open()
            let requests = (0..<60).map { index in
                let code = index % 3 == 0 ? nil : index % 3 == 1 ? fans[index / 3] : card[index / 3]
                return request(room, "\(index)", code, salt)
            }
            #expect(try await room.joins.commit(requests).compactMap { arrival($0) } == Array(1...60))
            try await room.start()
            // After the seal a code is good for what it gives, and not for the order.
            let late = try await presale.addCodes(1, group: "fans", of: room.onSale, by: "test")
            _ = try await room.joins.commit([
                request(room, "0", late[0], salt), request(room, "x", nil, salt),
            ])
            let status = try await room.status()
            let key = try #require(status.drawKey)
            let plain = DrawOrder(key: key, count: 60)
            let drawn = (1...60).map { plain.arrival(ofNumber: $0) }
            // Arrival n is request n − 1: the public, fans, card, and so on.
            let expected = [2, 0, 1].flatMap { rest in drawn.filter { $0 % 3 == Int64(rest) } }
            let orders = DrawOrders()
            let order = try await orders.order(of: room.onSale, key: key, count: 60, in: room.postgres)
            #expect((1...60).map { order.arrival(ofNumber: $0) } == expected)
            #expect((1...60).map { order.number(ofArrival: order.arrival(ofNumber: $0)) } == Array(1...60))
            #expect(try await group(room, 1) == 1)
            #expect(try await room.offenders() == [])
            // The proofs hold, and cover the priority.
            let proofs = DrawProofs(postgres: room.postgres)
            let rows = try await room.postgres.query(
                Query("test.place", "SELECT id FROM places WHERE arrival = 2")
            )
            let place = try #require(PlaceID(bytes: try rows[0][0] as [UInt8]))
            let entry = DrawEntry(onSale: room.onSale, arrival: 2, place: place)
            let proof = try #require(try await proofs.proof(of: entry, status))
            #expect(proof.priority == 1 && proof.leaf == entry.leaf(blinding: proof.blinding, priority: 1))
            #expect(
                MerkleTree.verify(
                    leaf: proof.leaf,
                    at: 1,
                    of: 60,
                    proof: proof.siblings,
                    root: try #require(status.root)
                )
            )
            // A group that was bought afterwards is found out.
            try await room.postgres.execute(
                Query(
                    "test.crime",
                    "UPDATE draws SET priorities = overlay(priorities PLACING '\\x01' FROM 1)"
                )
            )
            #expect(try await DrawAudit.offenders(in: room.postgres).isEmpty == false)
        }
    }

    @Test func `A tier is for its groups until its time, and a group has its own limit`() async throws {
        try await RoomFixture.with { plain in
            let opens = try await plain.onSales.find(plain.onSale).opensAt
            let tiers = """
                [{"id": "floor", "name": "F", "price": 3000, "only_for": ["fans"],
                  "public_at": "\(opens + .seconds(1900))"},
                 {"id": "seats", "name": "S", "price": 4500, "only_for": ["fans"]}]
                """
            let plan = RoomFixture.plan(opening: opens, ["groups": Self.groups, "tiers": tiers])
            let id = try await plain.onSales.schedule(json: plan, by: "test").id
            let room = RoomFixture(postgres: plain.postgres, onSale: id)
            let salt = try await room.status().entrySalt
            #expect(try await room.status().tiers.map(\.onlyFor) == [["fans"], ["fans"]])
            let codes = try await Presale(postgres: room.postgres).addCodes(
                1,
                group: "fans",
                of: id,
                by: "test"
            )
            try await room.open()
            let joined = try await room.joins.commit([
                request(room, "fan", codes[0], salt), request(room, "other", nil, salt),
            ])
            try await room.start()
            for _ in 0..<3 { try await room.tick() }
            var sessions: [AdmissionID] = []
            for case .joined(let place, let arrival, _) in joined {
                let outcome = try await room.enter(
                    AdmissionRequest(onSale: id, arrival: arrival, place: place)
                )
                sessions.append(try #require(outcome.session).id)
            }
            func hold(_ buyer: Int, _ choice: HoldRequest.Choice) async throws -> HoldOutcome {
                let request = HoldRequest(onSale: id, admission: sessions[buyer], choice: choice)
                let run = JobID(rawValue: Int64.random(in: 1_000..<5_000_000))
                let member = CohortMember(runID: run, step: HoldSeats(request: request))
                return try await room.postgres.withTransaction {
                    try await HoldSeats.perform([member], in: &$0)
                }[0]
            }
            #expect(try await hold(1, .best(tier: "floor", quantity: 1)) == .notEligible(tier: "floor"))
            #expect(try await hold(1, .seats(["S-A-1"])) == .notEligible(tier: "seats"))
            guard case .held = try await hold(0, .best(tier: "floor", quantity: 1)),
                case .held = try await hold(0, .seats(["S-A-1"]))
            else {
                Issue.record("a fan may buy of both")
                return
            }
            #expect(try await hold(0, .best(tier: "floor", quantity: 1)) == .limitExceeded(limit: 2, has: 2))
            let waiting = try await room.advance()
            #expect(waiting.next == opens + .seconds(1900))
            try await room.pass(.seconds(200))
            #expect(try await room.advance().next == room.onSales.find(id).closesAt)
            #expect(try await room.status().tiers.map(\.onlyFor) == [[], ["fans"]])
            guard case .held = try await hold(1, .best(tier: "floor", quantity: 3)) else {
                Issue.record("the tier is open to all now")
                return
            }
            #expect(try await hold(1, .best(tier: "seats", quantity: 1)) == .notEligible(tier: "seats"))
            for check in StockAudit.checks where check.name.contains("buyer") {
                #expect(try await check.offenders(in: room.postgres) == [])
            }
            #expect(
                try await FairnessCertificate.read(id, in: room.postgres)?.entries.last?.action == "open_tier"
            )
        }
    }

    @Test(arguments: [
        (["groups": #"[{"id": "a", "priority": 0}]"#], "groups[0].priority"),
        (["groups": #"[{"id": "a", "priority": 1}, {"id": "a", "priority": 2}]"#], "groups[1].id"),
        (["groups": "[]"], "groups"), (["invitation_only": "true"], "invitation_only"),
        (["invitation_only": "1"], "invitation_only"),
        (
            [
                "tiers":
                    #"[{"id": "floor", "name": "F", "price": 1, "only_for": ["x"]}, {"id": "seats", "name": "S", "price": 1}]"#
            ], "tiers[0].only_for"
        ),
        (
            [
                "tiers":
                    #"[{"id": "floor", "name": "F", "price": 1, "public_at": "2030-01-01T00:00:00Z"}, {"id": "seats", "name": "S", "price": 1}]"#
            ], "tiers[0].public_at"
        ),
    ])
    func `Groups that can't be are refused, field by field`(fields: [String: String], path: String) throws {
        let plan = RoomFixture.plan(opening: .now, fields)
        let error = try #require(throws: PlanError.self) { try Plan(json: plan) }
        #expect(error.issues.contains { $0.path == path }, "\(error)")
    }
}
