import BoxOffice
import HTTP
import Postgres
import TestSupport
import Testing

/// What a promoter does in a day, in the order in which it is done.
extension PromoterAtDesk {
    func signingIn() async throws {
        try await tab.open("http://127.0.0.1:\(house.api.port)/promoter")
        try await tab.wait(for: "Sign in to your desk")
        try await tab.click(".sign-in button")
        try await tab.wait(for: "Paste your key here.")
        try await tab.fill("#key", "uk_1_wrong")
        try await tab.press("Enter")
        try await tab.wait(for: "not one of ours")
        try await inspect("sign-in")
        try await tab.fill("#key", house.operatorKey)
        try await tab.press("Enter")
        try await tab.wait(for: "not for the promoter")
        try await tab.fill("#key", house.promoterKey)
        try await tab.press("Enter")
        try await tab.wait(for: "Nothing is scheduled.")
        try await inspect("empty")
        // Scripts can't read the session.
        #expect(try await tab.evaluate("document.cookie").string == "")
    }

    func planning() async throws {
        try await tab.click("#main a[href='#/new']")
        try await tab.wait(for: "100 tickets", in: ".side")
        try await upload("[1, 2")
        try await tab.wait(for: "plan.json can't be read")
        try await upload(Self.plan(isGood: false))
        try await tab.wait(for: "problems with the plan")
        func problem(_ path: String) async throws -> String? {
            try await tab.evaluate(
                "document.getElementById(document.querySelector(\(BrowserTab.quoted("[data-path='\(path)']"))).id + '-problem').innerText"
            ).string
        }
        #expect(try await problem("tiers[0].price")?.contains("0 to 100000000") == true)
        #expect(try await problem("sections[1].rows")?.contains("a count such as 22") == true)
        #expect(try await problem("starts_at")?.contains("must not be before opens_at") == true)
        #expect(try await tab.count("[aria-invalid=true]") >= 3)
        try await inspect("plan-problems")
        // Scheduling it leads to the first thing that is wrong.
        try await tab.click("button.primary")
        try await tab.wait(until: "document.activeElement.matches('[aria-invalid=true]')")
        try await upload(Self.plan())
        try await tab.wait(for: "The plan is good.")
        try await tab.wait(for: "64 tickets", in: ".side")
        #expect(try await tab.count(".side .seat") >= 2)
        try await tab.fill("[data-path='tiers[1].price']", "48.50")
        try await tab.wait(for: "€2,774.00", in: ".side")
        try await tab.fill("[data-path='sections[1].rows']", "A: 1-10,13-22 accessible 1-2\nA: 24")
        try await tab.wait(for: "is in this section already")
        try await tab.fill("[data-path='sections[1].rows']", "A: 1-10,13-22 accessible 1-2\nB: 24")
        try await tab.wait(for: "The plan is good.")
        try await inspect("plan")
        try await rehearsing()
        try await tab.click("button.primary")
        try await tab.wait(until: "location.hash.startsWith('#/os_') && document.querySelector('#figures')")
    }

    /// The report of a rehearsal is drawn from a file.
    func rehearsing() async throws {
        try await upload("sold out", as: "#report")
        try await tab.wait(for: "is no report of a rehearsal")
        try await upload(
            """
            rehearsing…
            {"sold_out_at": 125, "capacity": 64, "sold": 64, "sold_per_minute": [30, 30, 4],\
            "buyers": {"came": 90, "joined": 90, "called": 60, "came_in": 50, "bought": 40},\
            "wait_to_called": {"p50": 61, "p90": 100}, "advice": "The stock bound it."}
            """,
            as: "#report"
        )
        try await tab.wait(for: "Sold out 2:05 after the start.", in: ".side")
        try await tab.wait(until: "document.querySelector('.side .plot svg')")
        try await inspect("rehearsed")
    }

    func codes() async throws {
        try await tab.click(".tabs a[href$='/codes']")
        try await tab.wait(for: "Fan club")
        try await tab.fill("#codes-count", "none")
        try await tab.click("#content button.primary")
        try await tab.wait(for: "must be a whole number")
        try await tab.fill("#codes-count", "12")
        try await tab.click("#content button.primary")
        try await tab.wait(for: "12 codes for fans")
        #expect(try await tab.count(".codes li") == 12)
        #expect(
            try await tab.evaluate("document.querySelector('a[download^=codes]').href.startsWith('blob:')")
                .bool
                == true
        )
        try await inspect("codes")
        try await tab.click("#content table button")
        try await tab.wait(for: "Take back the 12 unused codes")
        try await tab.click("dialog .danger")
        try await tab.wait(until: "document.querySelector('#content tbody tr').cells[4].innerText == '12'")
    }

    func selling(_ id: String) async throws {
        try await tab.click(".tabs a:first-child")
        try await tab.wait(for: "0 joined", in: "#figures")
        var places: [Place] = []
        for _ in 0..<5 { places.append(try await house.join(id)) }
        try await tab.wait(for: "5 joined", in: "#figures")
        try await house.shiftClock(seconds: 700)
        let admission = try await house.admit(places[0])
        try await tab.wait(for: "On sale", in: "#state")
        try await tab.wait(until: "document.querySelectorAll('#figures .big')[2].innerText == '1'")
        _ = try await house.reserve(#"{"tier": "standing", "quantity": 2}"#, admission, key: "a")
        try await tab.wait(for: "62 free", in: "#figures")
        let other = try await house.admit(places[1])
        let held = try await house.reserve(#"{"seats": ["B-A-1"]}"#, other, key: "b")
        let reservation = try #require(held["reservation"]?.string)
        _ = try await house.send(
            .post,
            "/v1/reservations/\(reservation)/checkout",
            #"{"payment_method": "card"}"#,
            token: other
        )
        try await tab.wait(for: "€48.50", in: "#figures")
        try await tab.wait(for: "1 buyer of 1", in: "#figures")
        try await inspect("live")
        // A reload has what was sampled, not only what this page saw.
        #expect(try await SaleSample.take(in: house.database.client) == false)
        try await house.shiftClock(seconds: 30)
        #expect(try await SaleSample.take(in: house.database.client) == false)
        try await tab.reload()
        try await tab.wait(until: "document.querySelectorAll('.plot svg').length >= 5")
        try await tab.evaluate("document.querySelectorAll('.chart details').forEach(d => d.open = true)")
        try await tab.wait(until: "document.querySelector('.chart tbody').rows.length >= 3")
        try await inspect("tables")
        try await tab.click(".tabs a[href$='/seats']")
        try await tab.wait(until: "document.querySelector('.seat.gone')")
        try await inspect("seats")
        try await tab.click(".tabs a:first-child")
        try await tab.wait(for: "€48.50", in: "#figures")
    }

    func steering(_ id: String) async throws {
        func record() async throws -> Answer {
            try await house.send(.get, "/v1/promoter/on-sales/\(id)", token: house.promoterKey)
        }
        try await tab.fill("#pause-reason", "The hall asks for a minute")
        try await tab.click("#pause")
        try await tab.wait(for: "Paused", in: "#state")
        let status = try await house.poll("/v1/on-sales/\(id)/status") { $0["state"]?.string == "paused" }
        #expect(status["pause"]?["reason"]?.string == "The hall asks for a minute")
        try await inspect("paused")
        try await tab.click(".last button")
        try await tab.wait(for: "On sale", in: "#state")
        #expect(try await record()["paused_at"] == .null)
        try await tab.fill("#rate", "soon")
        try await tab.press("Enter")
        try await tab.wait(for: "A whole number")
        try await tab.fill("#rate", "1200")
        try await tab.press("Enter")
        try await tab.wait(for: "1,200 a minute, after 6,000")
        #expect(try await record()["rate_per_minute"]?.int == 1200)
        try await tab.click(".last button")
        try await tab.wait(for: "6,000 a minute again")
        #expect(try await record()["rate_per_minute"]?.int == 6000)
        try await tab.fill("#message", "Doors are at eight.")
        try await tab.evaluate("document.activeElement.blur()")
        try await tab.click("#message ~ .row button")
        try await tab.wait(for: "Everybody in line reads it.")
        #expect(try await record()["message"]?.string == "Doors are at eight.")
        try await tab.click(".last button")
        try await tab.wait(for: "The message is gone again.")
        #expect(try await record()["message"] == .null)
    }

    func papers(_ id: String) async throws {
        try await tab.click(".tabs a[href$='/papers']")
        try await tab.wait(for: "Who changed what")
        try await tab.wait(for: "The hall asks for a minute")
        try await inspect("papers")
        #expect(
            try await tab.evaluate("document.querySelector('#certificate').getAttribute('href')").string
                == "/on-sales/\(id)/certificate"
        )
        let csv = try await tab.evaluate("fetch(document.querySelector('#orders').href).then(r => r.text())")
            .string
        let lines = csv?.split(separator: "\r\n") ?? []
        #expect(lines.first?.hasPrefix("reservation,state,tier,quantity,seats,total") == true)
        #expect(
            lines.count == 3 && lines.contains { $0.contains(",sold,seated,1,B-A-1,4850,EUR,") },
            "\(lines)"
        )
        let plan = try await tab.evaluate("fetch(document.querySelector('#plan').href).then(r => r.json())")
        #expect(plan["tiers"]?.array?.last?["price"]?.int == 4850)
    }

    func cancelling() async throws {
        let other = try await house.schedule()
        try await tab.click("#nav a[href='#/']")
        try await tab.wait(for: "An evening at sea")
        try await inspect("list")
        try await tab.click("a[href='#/\(other)']")
        try await tab.click("#cancel")
        try await tab.wait(for: "This can't be undone.", in: "dialog")
        try await tab.fill("#cancel-title", "An evening at sea")
        try await tab.press("Enter")
        try await tab.wait(for: "Type the title as it is", in: "dialog")
        try await inspect("cancel")
        try await tab.fill("#cancel-title", "An evening")
        try await tab.fill("#cancel-why", "Storm")
        try await tab.press("Enter")
        try await tab.wait(for: "Cancelled", in: "#state")
        try await tab.wait(for: "nothing can be turned any more")
        let status = try await house.send(.get, "/v1/promoter/on-sales/\(other)", token: house.promoterKey)
        #expect(status["state"]?.string == "cancelled")
        try await inspect("cancelled")
        try await tab.click("#who button")
        try await tab.wait(for: "Sign in to your desk")
    }
}
