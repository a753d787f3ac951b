import Testing

@testable import BoxOffice

/// What is left, as pages say it.
@Suite
struct AvailabilityTests {
    @Test(arguments: [
        (0, 12_000, Availability.nothing), (1, 12_000, .few), (100, 12_000, .few), (101, 12_000, .many),
        (10, 10, .few), (11, 11, .many), (50, 500, .few), (51, 500, .many), (0, 0, .nothing),
    ])
    func `Few are at most a tenth, at least ten and never more than a hundred`(
        _ free: Int,
        _ capacity: Int,
        _ left: Availability
    ) {
        #expect(Availability(free: free, of: capacity) == left)
    }

    @Test func `More free tickets never look like fewer`() {
        let order: [Availability] = [.nothing, .few, .many]
        for capacity in [1, 9, 10, 11, 99, 100, 101, 999, 1_000, 1_001, 20_000] {
            let ranks = (0...capacity).compactMap {
                order.firstIndex(of: Availability(free: $0, of: capacity))
            }
            #expect(ranks == ranks.sorted() && ranks.count == capacity + 1, "\(capacity)")
        }
    }

    @Test func `Seats are written as a chart has them`() throws {
        for numbers in [[], [7], [1, 2, 3], [1, 3, 4, 5, 9], Array(1...11) + Array(14...24)] {
            let text = SeatSpan.text(numbers)
            if !numbers.isEmpty { #expect(SeatSpan.numbers(.string(text)) == numbers, "\(text)") }
        }
        #expect(SeatSpan.text(Array(1...11) + Array(14...24) + [30]) == "1-11,14-24,30")
        #expect(SeatSpan.text([]) == "")
    }
}
