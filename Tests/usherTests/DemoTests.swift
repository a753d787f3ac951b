import BoxOffice
import Postgres
import Reactor
import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct DemoTests {
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    private func crowd(_ count: Int, seed: UInt64) -> [BuyerPlan] {
        (0..<count).map {
            BuyerPlan(number: $0, seed: seed, pace: .arena, tierCapacities: [6000, 3000, 1000], limit: 6)
        }
    }

    @Test func `The same seed brings the same crowd, another seed another`() {
        #expect(crowd(100, seed: 7) == crowd(100, seed: 7))
        #expect(crowd(100, seed: 7) != crowd(100, seed: 8))
    }

    @Test func `A crowd has every kind of buyer, and asks for what is assumed on average`() {
        let crowd = crowd(20_000, seed: 1)
        for character in BuyerPlan.Character.allCases {
            #expect(crowd.contains { $0.character == character })
        }
        for mischief in [BuyerPlan.Mischief.forges, .impersonates, .exceedsLimit, .skipsLine] {
            #expect(crowd.contains { $0.mischief == mischief })
        }
        let mean = Double(crowd.reduce(0) { $0 + $1.quantity }) / Double(crowd.count)
        #expect(abs(mean - BuyerPlan.meanQuantity) < 0.05)
        #expect(crowd.allSatisfy { Set($0.tiers) == [0, 1, 2] && (1...6).contains($0.quantity) })
        let first = crowd.count { $0.tiers[0] == 0 }
        #expect((11_000...13_000).contains(first), "larger tiers are wanted by more")
    }

    @Test(arguments: ["arena", "small-hall"]) func `An example is moved to now and stays a plan`(
        name: String
    ) throws {
        let now: Int64 = 1_800_000_000_500_000
        let moved = try DemoPlan(path: "\(Self.repository)/Examples/\(name).json", pace: .hall, now: now)
        #expect(moved.plan.schedule.opensAt.microseconds == 1_800_000_003_000_000)
        #expect(moved.plan.schedule.startsAt.microseconds == 1_800_000_009_000_000)
        #expect(moved.plan.reservations.holdSeconds == DemoPace.hall.holdSeconds)
        #expect(moved.plan.capacity == (name == "arena" ? moved.plan.capacity : 600))
    }

    @Test func `A plan that isn't there, isn't JSON or doesn't add up is one clear line`() throws {
        let directory = try FileSystem.makeTemporaryDirectory("usher-test")
        defer { try? FileSystem.remove(directory) }
        func refusal(_ text: String?) throws -> String? {
            if let text { try FileSystem.write(text, to: "\(directory)/plan.json") }
            let error = #expect(throws: Failure.self) {
                try DemoPlan(path: "\(directory)/plan.json", pace: .hall, now: 0)
            }
            return error?.description
        }
        #expect(try refusal(nil)?.contains("there is no plan at") == true)
        #expect(try refusal("{")?.contains("is not JSON") == true)
        #expect(try refusal("[]")?.contains("is not a JSON object") == true)
        let hall = try #require(try FileSystem.read("\(Self.repository)/Examples/small-hall.json"))
        let wrong = try refusal(hall.replacing("\"capacity\": 600", with: "\"capacity\": 601"))
        #expect(wrong?.contains("capacity") == true && wrong?.contains("601") == true)
        #expect(wrong?.contains("\n") == false)
    }

    @Test func `Percentiles are of the latencies that were added`() {
        var latencies = Latencies()
        #expect(latencies.percentile(0.99) == 0)
        for milliseconds in 1...100 { latencies.add(.milliseconds(milliseconds)) }
        #expect(latencies.percentile(0.5) == 50)
        #expect(latencies.percentile(0.99) == 99)
        #expect(latencies.percentile(1) == 100)
        #expect(latencies.percentile(0.5, last: 10) == 95)
    }

    @Test func `A changed token differs in one character`() {
        #expect(Buyer.changed("xxxxx") == "xxAxx")
        #expect(Buyer.changed("xxAxx") == "xxBxx")
    }
}
