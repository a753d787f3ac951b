@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct PublicIDTests {
    @Test(arguments: [0, 1, 31, 32, 12_345_678_901, Int64.max])
    func `a key has one public form`(number: Int64) {
        let id = OnSaleID(rawValue: number)
        #expect(id.publicID.hasPrefix("os_"))
        #expect(OnSaleID(publicID: id.publicID) == id)
        #expect(ReservationID(publicID: id.publicID) == nil)
    }

    @Test(arguments: [
        "", "os", "os_", "os_01", "os_A", "os_u", "os_zzzzzzzzzzzzz", "os_00000000000000", "rs_1", "os_-1",
        "os_1 ",
    ])
    func `anything else names nothing`(text: String) {
        #expect(OnSaleID(publicID: text) == nil)
    }

    @Test func `a place id is 26 characters and comes back`() throws {
        for id in [PlaceID.random(), PlaceID(high: 0, low: 0), PlaceID(high: .max, low: .max)] {
            #expect(id.publicID.utf8.count == 29)
            #expect(PlaceID(publicID: id.publicID) == id)
            #expect(PlaceID(bytes: id.bytes) == id)
        }
        #expect(PlaceID.random() != PlaceID.random())
        #expect(PlaceID(publicID: "pl_" + String(repeating: "z", count: 26)) == nil)
        #expect(PlaceID(bytes: [1, 2]) == nil)
    }
}
