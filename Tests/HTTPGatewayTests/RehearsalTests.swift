import HTTP
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice
@testable import HTTPGateway

/// Rehearsals that are ordered at the desk, up to where a worker takes them; `RehearsalJobTests` plays them.
@Suite(.timeLimit(.minutes(5)))
struct RehearsalTests {
    private static let path = "/v1/promoter/rehearsals"

    private func order(
        _ house: GatewayAtWork,
        crowd: String = "{}",
        plan: String = PromoterAtDesk.plan(),
        draw: String = "now"
    ) async throws -> Answer {
        try await house.send(
            .post,
            Self.path,
            #"{"plan": \#(plan), "crowd": \#(crowd), "draw": "\#(draw)"}"#,
            token: house.promoterKey
        )
    }

    @Test func `One is played at a time, the next waits, and each says where it stands`() async throws {
        let stage = RehearsalStage()
        try await withGateway(register: { $0.register(stage) }) { house in
            let first = try await order(house, crowd: #"{"buyers": 300, "members": {"fans": 20}}"#)
            #expect(first.status == 202, "\(first)")
            let id = try #require(first["id"]?.string)
            #expect(first.response.headers["Location"] == "\(Self.path)/\(id)")
            let playing = try await house.poll("\(Self.path)/\(id)", token: house.promoterKey) {
                $0["progress"] != .null
            }
            #expect(playing["state"]?.string == "playing")
            #expect(playing["progress"]?.string == "2:00 before the start: 300 in line, 0 sold")
            #expect(playing["report"] == .null)

            let second = try #require(try await order(house)["id"]?.string)
            let third = try #require(try await order(house)["id"]?.string)
            func state(_ id: String) async throws -> String? {
                try await house.send(.get, "\(Self.path)/\(id)", token: house.promoterKey)["state"]?.string
            }
            #expect(try await state(second) == "waiting")
            let cancelled = try await house.send(
                .delete,
                "\(Self.path)/\(second)",
                token: house.promoterKey
            )
            #expect(cancelled.status == 204)
            #expect(try await state(second) == "cancelled")

            stage.end()
            let done = try await house.poll("\(Self.path)/\(id)", token: house.promoterKey) {
                $0["state"]?.string == "done"
            }
            #expect(done["report"]?["sold"]?.int == 64)
            #expect(done["ended_at"]?.string != nil)
            // One that is over stays as it is.
            #expect(
                try await house.send(.delete, "\(Self.path)/\(id)", token: house.promoterKey).status == 204
            )
            #expect(try await state(id) == "done")

            stage.end("the stage broke")
            let failed = try await house.poll("\(Self.path)/\(third)", token: house.promoterKey) {
                $0["state"]?.string == "failed"
            }
            #expect(failed["problem"]?.string?.contains("the stage broke") == true, "\(failed)")
        }
    }

    @Test func `What can't be played is refused field by field, and nothing is ordered`() async throws {
        try await withGateway { house in
            for (crowd, field, message) in [
                (#"{"buyers": 0}"#, "crowd.buyers", "must be from 1 to 100000; found 0"),
                (#"{"buyers": "many"}"#, "crowd.buyers", "must be a whole number"),
                (#"{"curve": "late"}"#, "crowd.curve", "must be one of burst, even, early; found \"late\""),
                (#"{"basket": 5}"#, "crowd.basket", "must be from 1 to 4, the plan's max_per_buyer"),
                (#"{"basket": 0.5}"#, "crowd.basket", "must be from 1.0 to 100.0; found 0.5"),
                (#"{"members": {"friends": 3}}"#, "crowd.members.friends", "accepted: fans"),
                (#"{"members": {"fans": 0}}"#, "crowd.members.fans", "must be from 1 to 100000"),
                (#"{"members": {"fans": 9}, "buyers": 8}"#, "crowd.members", "more than the 8 who come"),
                ("[]", "crowd", "must be an object; found an array"),
            ] {
                let answer = try await order(house, crowd: crowd)
                let issue = answer["errors"]?.array?.first
                #expect(answer.status == 422 && issue?["field"]?.string == field, "\(crowd): \(answer)")
                #expect(issue?["message"]?.string?.contains(message) == true, "\(crowd): \(answer)")
            }
            let plan = try await order(house, plan: PromoterAtDesk.plan(isGood: false))
            let fields = plan["errors"]?.array?.compactMap { $0["field"]?.string } ?? []
            #expect(plan.status == 422 && fields.contains("tiers[0].price"), "\(plan)")
            let draw = try await order(house, draw: "never")
            #expect(draw.status == 422 && draw["errors"]?.array?.first?["field"]?.string == "draw", "\(draw)")
            let bare = try await house.send(.post, Self.path, "{}", token: house.promoterKey)
            #expect(bare["errors"]?.array?.first?["message"]?.string == "is required: an object", "\(bare)")
            // Every seat of a stadium, and nobody buys: more would come than may.
            let invited = PromoterAtDesk.plan().replacing(#""draw": {}"#, with: #""invitation_only": true"#)
            let nobody = try await order(house, plan: invited)
            #expect(nobody.status == 422 && nobody.description.contains("invitation_only"), "\(nobody)")
            #expect(
                try await house.database.client.query(
                    Query("test.ordered", "SELECT FROM jobs WHERE name = 'rehearse'")
                ).isEmpty
            )
        }
    }

    @Test func `There is a limit to what waits, and a number that is no rehearsal's is unknown`() async throws
    {
        try await withGateway { house in
            // Nobody serves their queue here.
            for _ in 0..<RehearsalOrder.mostWaiting {
                #expect(try await order(house).status == 202)
            }
            let more = try await order(house)
            #expect(more.status == 429 && more.code == "many_rehearsals", "\(more)")
            #expect(more.response.headers["Retry-After"] == "60")
            let other = try await JobStore(postgres: house.database.client).enqueue([
                NewJob(name: "something", queue: "default", input: JSONB(text: "{}"))
            ])[0]
            for id in ["\(other)", "0", "-3", "x", "99999999999"] {
                for method in [HTTPMethod.get, .delete] {
                    let answer = try await house.send(method, "\(Self.path)/\(id)", token: house.promoterKey)
                    #expect(answer.status == 404 && answer.code == "unknown_rehearsal", "\(id): \(answer)")
                }
            }
        }
    }
}
