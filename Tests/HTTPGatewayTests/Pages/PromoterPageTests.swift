import HTTP
import TestSupport
import Testing

@testable import BoxOffice
@testable import HTTPGateway

/// The promoter's desk, as those have it who may not do all that it offers; `WholeDayTests` has what it offers.
@Suite(.withBrowser, .timeLimit(.minutes(5)))
struct PromoterPageTests {
    @Test func `a key that only looks has nothing to turn, and one that is revoked nothing to see`()
        async throws
    {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let key = try await house.keys.add(
                role: .promoter,
                label: "press",
                scope: KeyScope(isReadOnly: true)
            )
            try await Browser.run { devTools in
                let desk = try await PromoterAtDesk(Browser(devTools), house)
                let tab = desk.tab
                try await desk.signIn(key)
                try await tab.wait(for: "looks only")
                try await tab.click("a[href='#/\(onSale)']")
                try await tab.wait(for: "0 joined", in: "#figures")
                #expect(try await tab.count("#pause, #cancel, a[href='#/new']") == 0)
                try await desk.inspect("reader")
                let holder = try #require(try await house.keys.verify(key))
                #expect(try await house.keys.revoke(holder.id))
                try await tab.wait(for: "Sign in to your desk")
                #expect(tab.takeComplaints() == [])
            }
        }
    }
}
