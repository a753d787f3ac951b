import HTTP
import Pages
import TestSupport
import Testing

@testable import HTTPGateway

/// What the line says, in every language there is.
@Suite(.timeLimit(.minutes(5)))
struct LineLanguageTests {
    private static let parts = ["line", "line-more", "line-buy", "line-proof"]

    private func words(_ part: String, _ language: String) throws -> [String: JSONValue] {
        let file = try #require(PageFiles.all.first { $0.name == "\(part).\(language).json" })
        guard case .object(let members) = try JSONValue(parsing: file.bytes) else { return [:] }
        return Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// Every form of a text.
    private func forms(_ value: JSONValue) -> [String: String] {
        if let text = value.string { return ["": text] }
        guard case .object(let members) = value else { return [:] }
        return Dictionary(members.map { ($0.name, $0.value.string ?? "") }) { first, _ in first }
    }

    @Test func `Each language says all that English says, with the same values in it`() throws {
        #expect(Set(LineWords.all.map(\.language)) == ["en", "de", "es", "ar", "ja"])
        #expect(LineWords.all.first?.language == "en")
        for part in Self.parts {
            let english = try words(part, "en")
            for language in LineWords.all.map(\.language) {
                let other = try words(part, language)
                #expect(Set(other.keys) == Set(english.keys), "\(part) \(language)")
                for (key, value) in other {
                    let texts = forms(value)
                    #expect(texts[""] != nil || texts["other"] != nil, "\(language) \(key)")
                    for (form, text) in texts {
                        #expect(!text.isEmpty, "\(language) \(key) \(form)")
                        // A form for one may say "one" in a word.
                        guard form.isEmpty || form == "other" else { continue }
                        let wanted = forms(english[key] ?? .null)
                        let whole = wanted[""] ?? wanted["other"] ?? ""
                        let values = { (text: String) in
                            Set(text.matches(of: #/\{\w+\}/#).map { String($0.0) })
                        }
                        #expect(values(text) == values(whole), "\(language) \(key)")
                    }
                }
            }
        }
    }

    @Test func `Somebody is spoken to in the first of their languages that there is`() {
        func best(_ accepted: String?, chosen: String? = nil) -> String {
            LineWords.best(chosen: chosen, accepted: accepted).language
        }
        #expect(best(nil) == "en")
        #expect(best("de-AT,de;q=0.9,en;q=0.8") == "de")
        #expect(best("fr, es;q=0.5, ja;q=0.7") == "ja")
        #expect(best("ja;q=0, es") == "es")
        #expect(best("xx;q=,,;") == "en")
        #expect(best("de", chosen: "ar") == "ar")
        #expect(best("de", chosen: "nonsense") == "de")
    }

    @Test(.withBrowser)
    func `The page is in the reader's language, from the right where that is written so`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            try await Browser.run { devTools in
                for (language, title) in [
                    ("de-DE", "Anstellen"), ("es-MX", "Póngase en la fila"), ("ar-EG", "انضم إلى الطابور"),
                    ("ja-JP", "列に並ぶ"),
                ] {
                    let browser = try await Browser(devTools)
                    let line = try await LineOnScreen(browser, house, onSale, .phone.speaking(language))
                    try await line.reach("join")
                    // Looked at before the rest is fetched, a few seconds later.
                    #expect(line.tab.bytes < 61_440, "\(language): \(line.tab.bytes)")
                    try await line.see("join", "join-\(language)")
                    #expect(try await line.tab.text("main h2") == title)
                    let direction = try await line.tab.evaluate("getComputedStyle(document.body).direction")
                    #expect(direction.string == (language == "ar-EG" ? "rtl" : "ltr"))
                    if language == "ar-EG" {
                        try await line.tab.click("button.primary")
                        try await line.see("joined", "joined-ar")
                        // Chosen once, a language stays.
                        try await line.tab.click("a[hreflang=de]")
                        try await line.tab.wait(for: "Sie sind in der Auslosung")
                        try await line.tab.open(line.url)
                        try await line.tab.wait(for: "Sie sind in der Auslosung")
                        #expect(line.tab.takeComplaints() == [])
                    }
                }
            }
        }
    }
}
