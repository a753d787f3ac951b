@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct AdmissionLawTests {
    private func law(_ change: (inout AdmissionLaw) -> Void = { _ in }) -> AdmissionLaw {
        var law = AdmissionLaw(
            ratePerMinute: 600,
            elapsed: 1,
            carry: 0,
            limit: 1000,
            active: 0,
            undecided: 0,
            pending: 0,
            free: 10_000,
            meanBasket: 2,
            noShow: 0,
            waiting: 5000
        )
        change(&law)
        return law
    }

    @Test func `the rate binds when there is room and stock`() {
        let decision = law().decide()
        #expect(decision.calls == 10)
        #expect(decision.reason == .rate)
    }

    @Test(arguments: [(90.0, 90), (7.0, 7), (61.0, 61), (6000.0, 6000)])
    func `the rate is met over a minute whatever it is`(rate: Double, expected: Int) {
        var (carry, calls) = (0.0, 0)
        for _ in 0..<60 {
            let decision = law {
                $0.ratePerMinute = rate
                $0.carry = carry
                $0.limit = 100_000
                $0.free = 100_000
            }.decide()
            carry = decision.carry
            calls += decision.calls
        }
        #expect(abs(calls - expected) <= 1)
    }

    @Test func `pressure lowers the rate, and says so`() {
        let decision = law { $0.throttle = 0.5 }.decide()
        #expect(decision.calls == 5)
        #expect(decision.reason == .pressure)
    }

    @Test func `when the promoter lets everyone through, only the stock binds`() {
        let open = law {
            $0.ratePerMinute = 0
            $0.limit = 1
            $0.active = 50
            $0.free = 100
            $0.isFailOpen = true
        }.decide()
        #expect(open.calls == 50 && open.reason == .failOpen)
        #expect(law { $0.isFailOpen = true }.decide().reason == .line)
        #expect(
            law {
                $0.isFailOpen = true
                $0.free = 0
            }.decide().calls == 0
        )
    }

    @Test func `nothing is banked`() {
        #expect(law { $0.elapsed = 3600 }.decide().calls == 20)
        let idle = law { $0.waiting = 0 }.decide()
        #expect(idle.calls == 0)
        #expect(idle.reason == .line)
        #expect(idle.carry < 1)
        #expect(law { $0.elapsed = -5 }.decide().calls == 0)
    }

    @Test func `who is inside or on the way takes room`() {
        let decision = law {
            $0.limit = 100
            $0.active = 90
            $0.pending = 7
        }.decide()
        #expect(decision.calls == 3)
        #expect(decision.reason == .limit)
        #expect(law { $0.active = 1000 }.decide().calls == 0)
        #expect(law { $0.active = 5000 }.decide().calls == 0)
    }

    @Test func `no-shows are made up for, at most twice over`() {
        #expect(law { $0.noShow = 0.2 }.decide().calls == 12)
        #expect(law { $0.noShow = 0.5 }.decide().calls == 20)
        #expect(law { $0.noShow = 0.95 }.decide().calls == 20)
        let half = law {
            $0.limit = 10
            $0.pending = 10
            $0.noShow = 0.5
        }.decide()
        #expect(half.calls == 10)
    }

    @Test func `stock that the undecided will want is spoken for`() {
        let decision = law {
            $0.free = 20
            $0.undecided = 6
            $0.active = 6
            $0.pending = 2
        }.decide()
        #expect(decision.calls == 2)
        #expect(decision.reason == .stock)
        #expect(law { $0.free = 0 }.decide().calls == 0)
    }

    @Test func `the last ticket finds a buyer, one at a time`() {
        let last = law {
            $0.free = 1
            $0.meanBasket = 4
        }
        #expect(last.decide().calls == 1)
        var asked = last
        asked.pending = 1
        #expect(asked.decide().calls == 0)
        asked.pending = 0
        asked.undecided = 1
        #expect(asked.decide().calls == 0)
    }

    /// Whatever it is told, the law calls no more than wait, and never a negative number.
    @Test(arguments: 0..<200)
    func `it stays within its bounds`(seed: Int) {
        var words = DrawStream(key: Digest.sha256("law \(seed)"))
        func below(_ bound: UInt32) -> Int { Int(words.next(below: bound)) }
        let law = AdmissionLaw(
            ratePerMinute: Double(below(100_000)),
            elapsed: Double(below(10)),
            carry: 0.5,
            limit: below(2000) + 1,
            active: below(3000),
            undecided: below(3000),
            pending: below(3000),
            free: below(20_000),
            meanBasket: Double(below(6)) + 0.5,
            noShow: Double(below(100)) / 100,
            waiting: below(10_000)
        )
        let decision = law.decide()
        #expect((0...law.waiting).contains(decision.calls))
        #expect((0..<1).contains(decision.carry))
        let coming = law.show * Double(decision.calls + law.pending)
        #expect(decision.calls == 0 || Double(law.active) + coming <= Double(law.limit) + 1e-6)
    }

    @Test func `the no-show estimate moves slowly and comes home`() {
        #expect(NoShow.updated(0, called: 0, missed: 0) == 0)
        #expect(NoShow.updated(0, called: 1, missed: 1) < 0.05)
        var estimate = 0.0
        for _ in 0..<100 { estimate = NoShow.updated(estimate, called: 10, missed: 3) }
        #expect(abs(estimate - 0.3) < 0.01)
    }

    @Test func `a call-up passes those that left`() {
        var callUp = CallUp(serving: 10, issued: 20, wanted: 3)
        while let chunk = callUp.nextChunk() { callUp.take(chunk, gone: [11, 13, 14]) }
        #expect(callUp.first == 11)
        #expect(callUp.last == 16)
        #expect(callUp.called == 3)
        var short = CallUp(serving: 18, issued: 20, wanted: 9)
        while let chunk = short.nextChunk() { short.take(chunk, gone: [20]) }
        #expect(short.last == 20)
        #expect(short.called == 1)
        #expect(CallUp(serving: 20, issued: 20, wanted: 9).nextChunk() == nil)
        #expect(CallUp(serving: 0, issued: 20, wanted: 0).nextChunk() == nil)
    }
}
