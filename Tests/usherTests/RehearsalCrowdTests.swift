import BoxOffice
import Testing

@testable import usher

/// The made-up buyers and the report of a rehearsal, without a database.
struct RehearsalCrowdTests {
    private let sale = RehearsedSale(
        prequeue: 600,
        length: 3600,
        turnSeconds: 120,
        maxPerBuyer: 4,
        tierCapacities: [10, 90]
    )

    private func buyers(_ settings: RehearsalSettings) -> [SyntheticBuyer] {
        (0..<settings.buyers).map { SyntheticBuyer(number: $0, settings: settings, sale: sale) }
    }

    @Test(arguments: ArrivalCurve.allCases)
    func `Buyers come between the opening and the end of the tail, as many before the start as is said`(
        curve: ArrivalCurve
    ) {
        let crowd = buyers(RehearsalSettings(buyers: 4000, curve: curve, share: 0.6))
        #expect(crowd.allSatisfy { (-600..<900).contains($0.arrival) })
        let before = crowd.count { $0.arrival < 0 }
        #expect((2250...2550).contains(before))
        let lastMinute = crowd.count { (-60..<0).contains($0.arrival) }
        switch curve {
        case .burst: #expect(lastMinute > before / 3)
        case .even: #expect((before / 14...before / 7).contains(lastMinute))
        case .early: #expect(lastMinute < before / 10)
        }
    }

    @Test func `A crowd is what was asked for, and the same for the same seed`() {
        let settings = RehearsalSettings(
            buyers: 4000,
            share: 1,
            noShow: 0.2,
            conversion: 0.6,
            basket: 2.5,
            think: 40,
            members: [.init(group: "fans", count: 3)]
        )
        let crowd = buyers(settings)
        #expect(crowd == buyers(settings))
        var other = settings
        other.seed = 2
        #expect(crowd != buyers(other))
        #expect(crowd.allSatisfy { (1...4).contains($0.quantity) && (20...60).contains($0.think) })
        #expect((2.4...2.6).contains(Double(crowd.reduce(0) { $0 + $1.quantity }) / 4000))
        #expect((700...900).contains(crowd.count { !$0.comes }))
        #expect((2280...2520).contains(crowd.count { $0.intent == .buys }))
        #expect(crowd.count { $0.group == "fans" } == 3)
        // The bigger tier is loved by more.
        #expect(crowd.count { $0.tiers == [1, 0] } > 3000)
    }

    @Test func `A buyer joins, is called, comes in, holds and pays, each at its time and once`() {
        let settings = RehearsalSettings(
            buyers: 1,
            share: 1,
            noShow: 0,
            abandon: 0,
            conversion: 1,
            think: 10,
            payment: 10
        )
        let buyer = buyers(settings)[0]
        var crowd = RehearsalCrowd([buyer])
        #expect(!crowd.isIdle)
        #expect(crowd.due(.joins, after: -601, at: -1) == [0])
        #expect(crowd.due(.joins, after: -601, at: -1).isEmpty)
        crowd.joined(0, arrival: 1, at: -1)
        #expect(crowd.line == 1)
        crowd.called(arrival: 1, at: 5)
        crowd.called(arrival: 1, at: 6)
        #expect(crowd.line == 0 && crowd.tally.called == 1 && crowd.tally.waitsToCalled == [5])
        let inside = 5 + buyer.reaction
        #expect(crowd.due(.comesIn, after: 4, at: inside) == [0])
        crowd.metFullRoom(0, at: inside)
        #expect(crowd.due(.comesIn, after: inside, at: inside + 1) == [0])
        crowd.cameIn(0, at: inside + 1)
        let holding = inside + 1 + buyer.think
        #expect(crowd.due(.holds, after: inside, at: holding - 1).isEmpty)
        #expect(crowd.due(.holds, after: inside, at: holding) == [0])
        crowd.held(0, at: holding)
        let paying = holding + buyer.payment
        #expect(crowd.due(.pays, after: inside, at: paying) == [0])
        crowd.bought(0, tickets: 2, at: paying)
        #expect(crowd.isIdle)
        #expect(crowd.tally.tickets == 2 && crowd.tally.waitsToSold == [paying])
        #expect(crowd.tally.perMinute.reduce(0, +) == 2)
    }

    @Test func `Whoever gives up does so in line only`() {
        let settings = RehearsalSettings(buyers: 2, share: 1, noShow: 0, abandon: 1, patience: 100)
        var crowd = RehearsalCrowd(buyers(settings))
        _ = crowd.due(.joins, after: -601, at: 0)
        crowd.joined(0, arrival: 1, at: 0)
        crowd.joined(1, arrival: 2, at: 0)
        crowd.called(arrival: 1, at: 0)
        #expect(crowd.due(.givesUp, after: 0, at: 100) == [1])
        crowd.left(1)
        #expect(crowd.line == 0 && crowd.tally.gaveUp == 1)
    }

    @Test func `The reason that bound for the longest is the bottleneck, and the report says its part`() {
        var tally = RehearsalTally()
        #expect(tally.bottleneck == nil)
        for note in ["rate", "stock", "limit", "limit", "limit", "paused", nil] { tally.tick(note) }
        tally.peakInside = 5
        #expect(tally.bottleneck == .limit)
        let report = RehearsalReport(
            title: "Trial",
            seed: 1,
            ratePerMinute: 60,
            activeLimit: 5,
            noShow: 0,
            ending: .closed(3661),
            tiers: [.init(id: "floor", capacity: 10, sold: 4)],
            tally: tally,
            learnedNoShow: 0,
            machine: RehearsalMachine()
        )
        #expect(report.part(of: .limit) == 0.6)
        #expect(report.advice.hasPrefix("The limit bound it 60 % of the time: 5 may be inside at once"))
        #expect(report.text.contains("sold out  no: the sale closed 1:01:01 after the start"))
        #expect(report.text.contains("4 of 10 sold; left are 6 of 10 floor"))
        #expect(!report.outcome.contains("machine") && report.json.contains("kept_up"))
    }

    @Test func `A chart has a bar a minute, or a few minutes in each where there are many`() {
        #expect(
            RehearsalReport.chart([4, 0, 2]) == [
                "  0 min \(String(repeating: "█", count: 40)) 4", "  1 min 0",
                "  2 min \(String(repeating: "█", count: 20)) 2",
            ]
        )
        let long = RehearsalReport.chart(Array(repeating: 1, count: 50))
        #expect(long.count == 17)
        #expect(long.last?.hasPrefix("  48 min ") == true)
    }
}
