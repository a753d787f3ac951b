import Testing

@testable import BoxOffice

@Suite("How close a party sits", .timeLimit(.minutes(5)))
struct SeatLadderTests {
    @Test func `The nearest to the section's focus are the best`() {
        // The focus is seat 8 of the fourth row.
        let full = String(repeating: "f", count: 10)
        let focus = SeatRow.Focus(row: 3, aside: 2 * 8 - 11)
        var picker = SeatChart.picker([full, full, full, full, full], focus: focus)
        #expect(picker.pick(1) == [308])
        #expect(picker.pick(2) == [306, 307])
        #expect(picker.pick(2) == [309, 310])
        #expect(picker.pick(1) == [208], "the row before, as near as the row behind")
        var plain = SeatChart.picker([full, full, full, full, full])
        #expect(plain.pick(2) == [5, 6], "without another word it is the middle of the front row")
    }

    @Test func `Rows of several lengths lie centred behind one another`() {
        let focus = SeatRow.Focus(row: 1, aside: 0)
        var picker = SeatChart.picker(["ffffff", "..", "ffffffff"], focus: focus)
        #expect(picker.pick(2) == [3, 4])
        #expect(picker.pick(2) == [204, 205])
    }

    @Test func `Side by side without an orphan comes first, then with one`() {
        // Two of the three would leave one alone; the pair in the last row leaves none.
        var picker = SeatChart.picker(["fff"], ["ff"])
        #expect(picker.pick(.init(size: 2)) == .seats([10_001, 10_002], .adjacent))
        #expect(picker.pick(.init(size: 2)) == .seats([1, 2], .adjacent))
    }

    @Test func `One row around a gap comes before two rows, and the narrowest gap first`() {
        var picker = SeatChart.picker(["f..f", "f.f."])
        #expect(picker.pick(.init(size: 2)) == .seats([101, 103], .row))
        var aisle = SeatChart.picker(["ff_ff", "ffff"])
        #expect(aisle.pick(.init(size: 4)) == .seats([101, 102, 103, 104], .adjacent))
        #expect(aisle.pick(.init(size: 3)) == .seats([1, 2, 4], .row))
    }

    @Test func `Two rows behind one another come before the rest of the section`() {
        var picker = SeatChart.picker(["ff.....", "ff..f..", "....f.."])
        #expect(picker.pick(.init(size: 4)) == .seats([1, 2, 101, 102], .rows))
        #expect(picker.pick(.init(size: 2)) == .seats([105, 205], .rows))
        // The smaller part is wholly before the larger.
        var uneven = SeatChart.picker(["..f..", ".fff."])
        #expect(uneven.pick(.init(size: 4)) == .seats([3, 102, 103, 104], .rows))
    }

    @Test func `Rows that are apart, or seats aside of each other, are only one section`() {
        for chart in [["ff", "..", "ff"], ["ff....", "....ff"]] {
            var picker = SeatChart.picker(chart)
            guard case .seats(let seats, .section) = picker.pick(.init(size: 4)) else {
                Issue.record("\(chart)")
                continue
            }
            #expect(seats.count == 4)
        }
    }

    @Test func `A party is split into few groups in one section, and only then over several`() {
        let sparse = ["f..f..f", ".......", "f..f..f", ".......", "f..f..f"]
        var picker = SeatChart.picker(["ff.f", "....", "f.ff"], sparse)
        #expect(picker.pick(.init(size: 4)) == .seats([1, 2, 203, 204], .section))
        guard case .seats(let many, .section) = picker.pick(.init(size: 8)) else {
            Issue.record("the second section has nine")
            return
        }
        #expect(many.allSatisfy { $0 > 10_000 })
        guard case .seats(let rest, .apart) = picker.pick(.init(size: 3)) else {
            Issue.record("there are two and one left")
            return
        }
        #expect(rest.filter { $0 > 10_000 }.count == 1)
        #expect(picker.pick(.init(size: 1)) == .tooFew)
    }

    @Test(arguments: [
        (["f.f"], Together.row), (["f.", "f."], .rows), (["f..", "..f"], .section),
    ])
    func `Who would not sit so far apart is told how close it can be, and takes nothing`(
        chart: [String],
        closest: Together
    ) {
        for limit in Together.allCases {
            var picker = SeatChart.picker(chart)
            let answer = picker.pick(.init(size: 2, limit: limit))
            if limit < closest {
                #expect(answer == .notTogether(closest))
                #expect(picker.remaining == 2)
            } else {
                guard case .seats(_, closest) = answer else {
                    Issue.record("\(limit): \(answer)")
                    continue
                }
            }
        }
    }

    // MARK: Accessible seats

    @Test func `Companions sit beside an accessible seat, then in its row, then in its section`() {
        var picker = SeatChart.picker(["aaff.", "....f"])
        #expect(picker.pick(.init(size: 2, accessible: 1)) == .seats([2, 3], .adjacent))
        #expect(picker.pick(.init(size: 2, accessible: 1)) == .seats([1, 4], .row))
        #expect(picker.pick(.init(size: 1, accessible: 1)) == .noAccessible(left: 0))
        var section = SeatChart.picker(["a....", ".....", "f..ff"])
        #expect(section.pick(.init(size: 3, accessible: 1)) == .seats([1, 201, 204], .section))
        var between = SeatChart.picker(["afa..", ".....", "..f.f"])
        #expect(between.pick(.init(size: 4, accessible: 2)) == .seats([1, 2, 3, 203], .section))
        // The one with a companion beside it, though the other is nearer the middle.
        var choice = SeatChart.picker(["fa..a", "....."], focus: .init(row: 0, aside: 4))
        #expect(choice.pick(.init(size: 2, accessible: 1)) == .seats([1, 2], .adjacent))
    }

    @Test func `Just so many accessible seats are taken as were asked for`() {
        var picker = SeatChart.picker(["aaffff"])
        #expect(picker.pick(.init(size: 3, accessible: 1)) == .seats([2, 3, 4], .adjacent))
        var both = SeatChart.picker(["ff.aa", "a.a.."])
        #expect(both.pick(.init(size: 2, accessible: 2)) == .seats([4, 5], .adjacent))
        #expect(both.pick(.init(size: 2, accessible: 2)) == .seats([101, 103], .row))
    }

    @Test func `Without room for the companions in its section an accessible seat is not given`() {
        var picker = SeatChart.picker(["a.a"], ["fff"])
        #expect(picker.pick(.init(size: 3, accessible: 1)) == .noAccessible(left: 2))
        #expect(picker.pick(.init(size: 3, accessible: 3)) == .noAccessible(left: 2))
        #expect(picker.remaining == 5)
        #expect(picker.pick(.init(size: 1, accessible: 1)) == .seats([1], .adjacent))
        #expect(picker.pick(.init(size: 2, accessible: 3)) == .noAccessible(left: 1))
    }

    @Test func `Where a section has no other seats, companions sit on accessible ones`() {
        var picker = SeatChart.picker(["aaaa"], ["ffff"])
        #expect(picker.pick(.init(size: 2, accessible: 1)) == .seats([1, 2], .adjacent))
        #expect(picker.pick(.init(size: 1, accessible: 1)) == .seats([3], .adjacent))
        #expect(picker.pick(.init(size: 2, accessible: 1)) == .noAccessible(left: 1))
    }

    @Test func `A companion that would sit too far away is a refusal, too`() {
        var picker = SeatChart.picker(["a.f"])
        let answer = picker.pick(.init(size: 2, accessible: 1, limit: .adjacent))
        #expect(answer == .notTogether(.row))
        #expect(picker.pick(.init(size: 2, accessible: 1, limit: .row)) == .seats([1, 3], .row))
    }

    @Test func `Others get accessible seats only when they don't fit elsewhere in the tier`() {
        var picker = SeatChart.picker(["aaaa"], ["f.f", "..f"])
        #expect(picker.pick(.init(size: 2)) == .seats([10_001, 10_003], .row))
        #expect(picker.pick(.init(size: 2)) == .seats([1, 2], .adjacent), "one other is too few")
    }
}
