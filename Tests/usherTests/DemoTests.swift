import BoxOffice
import HTTP
import Postgres
import Reactor
import Testing

@testable import usher

@Suite(.timeLimit(.minutes(5)))
struct DemoTests {
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

    private func crowd(_ count: Int, seed: UInt64, live: Int = 0) -> [BuyerPlan] {
        (0..<count).map {
            BuyerPlan(
                number: $0,
                seed: seed,
                pace: .arena,
                tierCapacities: [6000, 3000, 1000],
                limit: 6,
                live: live
            )
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

    @Test func `How many follow on sockets changes nothing else of the crowd`() {
        let asking = crowd(2000, seed: 3)
        var told = crowd(2000, seed: 3, live: 50)
        func followers(_ crowd: [BuyerPlan]) -> Int { crowd.count { $0.followsLive } }
        #expect((900...1100).contains(followers(told)))
        #expect(followers(asking) == 0)
        for index in told.indices { told[index].followsLive = false }
        #expect(told == asking)
        #expect(followers(crowd(100, seed: 3, live: 100)) == 100)
    }

    @Test func `What a buyer hears is held against what was said before`() throws {
        let tally = DemoTally()
        var watch = LineWatch(place: "p_1")
        func check(_ text: String, _ expected: LineWatch.Verdict?, _ line: Int = #line) throws {
            let verdict = watch.take(try JSONValue(parsing: Array(text.utf8)), tally)
            #expect(verdict == expected, "line \(line)")
        }
        try check(#"{"code": "wrong_place"}"#, nil)
        try check(#"{"state": "prequeue", "number": null, "ahead": null}"#, .waits)
        try check(#"{"state": "waiting", "number": 70, "ahead": 50}"#, .waits)
        try check(#"{"state": "waiting", "number": 70, "ahead": 20}"#, .waits)
        #expect(tally.now.broken.isEmpty)
        try check(#"{"state": "waiting", "number": 70, "ahead": 21}"#, .waits)
        #expect(tally.now.broken.count == 1, "it moved back")
        try check(#"{"state": "called", "number": 71, "ahead": null}"#, .isCalled)
        #expect(tally.now.broken.count == 2, "it got another number")
        try check(#"{"state": "missed"}"#, .isOut)
        try check(#"{"state": "done"}"#, .isOver)
    }

    @Test func `A socket's line only moves on, and older words are passed over`() throws {
        let tally = DemoTally()
        var watch = LineWatch(place: "p_1")
        for (seq, serving) in [(5, 100), (6, 120), (4, 90), (6, 120)] {
            let tick = try JSONValue(parsing: Array(#"{"seq": \#(seq), "serving": \#(serving)}"#.utf8))
            watch.takeTick(tick, tally)
        }
        #expect(tally.now.broken.isEmpty)
        let older = try JSONValue(parsing: Array(#"{"seq": 3}"#.utf8))
        let isNews = watch.isNews(older)
        #expect(!isNews)
        watch.takeTick(try JSONValue(parsing: Array(#"{"seq": 7, "serving": 119}"#.utf8)), tally)
        #expect(tally.now.broken.count == 1)
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
