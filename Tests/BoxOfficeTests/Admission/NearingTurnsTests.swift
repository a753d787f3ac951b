import Testing

@testable import BoxOffice

struct NearingTurnsTests {
    /// A line that moves by one number a second.
    private func nearing(after last: Int64, serving: Int64, issued: Int64 = 10_000) -> NearingTurns {
        NearingTurns(after: last, serving: serving, issued: issued) { Int($0 - serving) }
    }

    @Test func `Each number is found once, when the line has come near`() {
        var last: Int64 = 0
        var told: [Int64] = []
        for serving in stride(from: Int64(0), through: 2_000, by: 7) {
            let nearing = nearing(after: last, serving: serving)
            #expect(nearing.found.allSatisfy { (121...600).contains($0.seconds) })
            #expect(nearing.last >= last)
            last = nearing.last
            told += nearing.found.map(\.number)
        }
        // Those before it were called soon enough.
        #expect(told == Array(121...told[told.count - 1]))
        #expect(told.last ?? 0 > 2_500)
    }

    @Test func `A tick looks at no more than so many, and at nobody who is not there`() {
        let first = nearing(after: 0, serving: 0)
        #expect(first.last == Int64(NearingTurns.atMost))
        #expect(nearing(after: first.last, serving: 0).last == 600)
        let short = nearing(after: 0, serving: 0, issued: 130)
        #expect(short.last == 130 && short.found.map(\.number) == Array(121...130))
        let jump = nearing(after: 10, serving: 50, issued: 50)
        #expect(jump.last == 50 && jump.found.isEmpty)
    }

    @Test func `Where nothing can be said, nobody is told`() {
        let nearing = NearingTurns(after: 3, serving: 1, issued: 100) { _ in nil }
        #expect(nearing.last == 3 && nearing.found.isEmpty)
    }
}
