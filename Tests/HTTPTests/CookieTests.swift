import HTTP
import Testing

struct CookieTests {
    @Test func `a cookie is kept from scripts and other sites`() {
        let cookie = Cookie("usher_place", "abc", path: "/v1", maxAge: 60)
        #expect(
            cookie.header(isSecure: true)
                == "usher_place=abc; Path=/v1; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        )
        #expect(
            Cookie("a", "b", comesWithLinks: true).header(isSecure: false)
                == "a=b; Path=/; HttpOnly; SameSite=Lax"
        )
    }

    @Test func `cookies come in any number of fields, and what is none is passed over`() {
        var request = HTTPRequest(.get, "/")
        request.headers.add("Cookie", "a=1; b=x=y;c = 3 ; nonsense; ")
        request.headers.add("Cookie", "d=")
        request.headers.add("Cookie", "a=2")
        #expect(request.cookies.map { "\($0.name):\($0.value)" } == ["a:1", "b:x=y", "c:3", "d:", "a:2"])
        #expect(
            request.cookie("a") == "1" && request.cookie("d")?.isEmpty == true && request.cookie("e") == nil
        )
    }
}
