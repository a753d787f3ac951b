import HTTP
import Testing

@testable import HTTPGateway

struct SameOriginTests {
    @Test(
        arguments: [
            (["Sec-Fetch-Site": "same-origin"], true),
            (["Sec-Fetch-Site": "same-site", "Origin": "https://tickets.example"], false),
            (["Sec-Fetch-Site": "cross-site"], false), (["Sec-Fetch-Site": "none"], false),
            (["Origin": "https://tickets.example"], true), (["Origin": "http://tickets.example"], true),
            (["Origin": "https://evil.example"], false), (["Origin": "null"], false),
            (["Origin": "https://tickets.example.evil.example"], false), ([:], false),
        ] as [([String: String], Bool)]
    )
    func `only our own pages pass`(headers: [String: String], passes: Bool) {
        var request = HTTPRequest(.post, "/v1/places", headers: ["Host": "tickets.example"])
        for (name, value) in headers { request.headers.add(name, value) }
        if passes {
            #expect(throws: Never.self) { try SameOrigin.check(request) }
        } else {
            #expect { try SameOrigin.check(request) } throws: { ($0 as? Problem)?.code == "cross_site" }
        }
    }
}
