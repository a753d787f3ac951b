import Testing

@testable import HTTP

struct AssetTests {
    private let asset = Asset(Array("0123456789".utf8), type: "text/plain", tag: "abc", caching: "public")

    private func answer(_ headers: HTTPHeaders, _ method: HTTPMethod = .get) -> (Int, String, String?) {
        let response = asset.response(to: HTTPRequest(method, "/", headers: headers))
        return (
            response.status, String(decoding: response.body, as: UTF8.self), response.headers["Content-Range"]
        )
    }

    @Test func `Whoever has it is told that it is the same`() {
        #expect(answer([:]) == (200, "0123456789", nil))
        #expect(asset.response(to: HTTPRequest(.get, "/")).headers["ETag"] == "\"abc\"")
        for tag in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            #expect(answer(["If-None-Match": tag]) == (304, "", nil))
        }
        for tag in ["abc", "\"ab\"", "\"x\""] { #expect(answer(["If-None-Match": tag]).0 == 200) }
        // It has it, so no part of it is sent either.
        #expect(answer(["If-None-Match": "\"abc\"", "Range": "bytes=0-1"]).0 == 304)
    }

    @Test(arguments: [
        ("bytes=0-3", "0123", "bytes 0-3/10"), ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-30", "0123456789", "bytes 0-9/10"), ("bytes=9-9", "9", "bytes 9-9/10"),
        ("BYTES=0-0", "0", "bytes 0-0/10"),
        ("bytes=5-99999999999999999999", "56789", "bytes 5-9/10"),
        ("bytes=0-9", "0123456789", "bytes 0-9/10"),
    ])
    func `A part is sent as one`(range: String, body: String, told: String) {
        #expect(answer(["Range": range]) == (206, body, told))
        #expect(answer(["Range": range, "If-Range": "\"abc\""]) == (206, body, told))
        // Of another content a part is of no use, nor is a date that nobody told.
        #expect(answer(["Range": range, "If-Range": "\"old\""]).0 == 200)
        #expect(answer(["Range": range, "If-Range": "Sat, 29 Oct 1994 19:43:31 GMT"]).0 == 200)
        #expect(answer(["Range": range], .head).0 == 200)
    }

    @Test(arguments: ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"])
    func `A part that isn't there is refused`(range: String) {
        let response = asset.response(to: HTTPRequest(.get, "/", headers: ["Range": range]))
        #expect(response.status == 416)
        #expect(response.headers["Content-Range"] == "bytes */10")
    }

    @Test(arguments: [
        "bytes", "bytes=", "bytes=-", "bytes=3-1", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2",
        "bytes=0 - 1",
    ])
    func `What can't be read asks for everything`(range: String) {
        #expect(answer(["Range": range]) == (200, "0123456789", nil))
    }

    @Test func `A part of nothing isn't there`() {
        let empty = Asset([], type: "text/plain", tag: "e", caching: "public")
        for range in ["bytes=0-", "bytes=-1"] {
            #expect(empty.response(to: HTTPRequest(.get, "/", headers: ["Range": range])).status == 416)
        }
    }
}
