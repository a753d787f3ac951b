@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct MessageFormatTests {
    private func fill(
        _ text: String,
        _ values: [String: MessageFormat.Value] = [:],
        _ locale: String = "en"
    ) throws -> String {
        try MessageFormat(text).filled(values, locale: locale)
    }

    @Test func `Gaps are filled, and what nothing fills stays empty`() throws {
        #expect(try fill("Dear {name}, {n}!", ["name": .text("Ada"), "n": .number(3)]) == "Dear Ada, 3!")
        #expect(try fill("{a}{b}") == "")
        #expect(try fill("no gaps # here") == "no gaps # here")
        #expect(try MessageFormat("{a} {n, plural, one {{b}} other {#}}").names == ["a", "b", "n"])
    }

    @Test func `A plural takes the exact form, the language's form, or other`() throws {
        let text = "{n, plural, =0 {no tickets} one {# ticket} other {# tickets for {who}}}"
        func filled(_ n: Int) throws -> String { try fill(text, ["n": .number(n), "who": .text("two")]) }
        #expect(try filled(0) == "no tickets")
        #expect(try filled(1) == "1 ticket")
        #expect(try filled(7) == "7 tickets for two")
        #expect(try fill(text) == "")
    }

    @Test func `Apostrophes quote braces and hashes, and are themselves elsewhere`() throws {
        #expect(try fill("it's '{name}' and ''") == "it's {name} and '")
        #expect(try fill("{n, plural, other {'#' is #}}", ["n": .number(4)]) == "# is 4")
    }

    /// The values are those of CLDR's own examples.
    @Test(arguments: [
        ("en", [0: "other", 1: "one", 2: "other"]), ("de", [0: "other", 1: "one", 5: "other"]),
        ("fr", [0: "one", 1: "one", 2: "other"]), ("pt-BR", [0: "one", 1: "one", 2: "other"]),
        ("pl", [0: "many", 1: "one", 2: "few", 4: "few", 5: "many", 12: "many", 22: "few", 112: "many"]),
        ("ru", [1: "one", 2: "few", 5: "many", 11: "many", 21: "one", 24: "few", 111: "many"]),
        ("hr", [1: "one", 3: "few", 5: "other", 11: "other", 21: "one"]),
        ("cs", [1: "one", 2: "few", 4: "few", 5: "other"]),
        ("ar", [0: "zero", 1: "one", 2: "two", 3: "few", 11: "many", 100: "other", 103: "few"]),
        ("lv", [0: "zero", 1: "one", 11: "zero", 21: "one", 22: "other"]),
        ("lt", [1: "one", 2: "few", 10: "other", 11: "other", 22: "few"]),
        ("ro", [0: "few", 1: "one", 19: "few", 20: "other", 101: "few"]),
        ("sl", [1: "one", 2: "two", 3: "few", 5: "other", 101: "one"]), ("ja", [1: "other", 2: "other"]),
        ("xx", [1: "one", 2: "other"]),
    ])
    func `Each language has its plurals`(locale: String, forms: [Int: String]) {
        for (number, form) in forms {
            #expect(PluralRule.category(of: number, in: locale).rawValue == form, "\(number) in \(locale)")
        }
    }

    @Test(arguments: [
        "{", "}", "{}", "{a", "{a,}", "{a, select, x {y}}", "{n, plural}", "{n, plural, one {x}}",
        "{n, plural, one x other {y}}", "{n, plural, other {x}", "{n, plural, uno {x} other {y}}",
        "{n, plural, =x {a} other {b}}",
        "a {b} }",
    ])
    func `What can't be read is told with its place`(text: String) {
        let problem = #expect(throws: MessageFormat.Problem.self) { try MessageFormat(text) }
        #expect(problem?.description.contains("at character") == true, "\(problem?.description ?? "")")
    }

    @Test func `Every text that comes with Usher is sound and fills all of its gaps`() throws {
        for template in BuiltInTemplates.all.values {
            #expect(template.issues.isEmpty, "\(template.name): \(template.issues)")
            for quantity in [1, 3] {
                let filled = try template.filled(MessageTemplate.sample(quantity: quantity))
                #expect(!filled.body.contains("{") && !filled.subject.contains("{"), "\(template.name)")
                #expect(!filled.body.contains("  "), "\(template.name): \(filled.body)")
            }
        }
        // Each kind on each channel in each language.
        let languages = Set(BuiltInTemplates.all.keys.map(\.locale))
        #expect(
            BuiltInTemplates.all.count
                == BuiltInTemplates.kinds.count * MessageTemplate.Channel.allCases.count * languages.count
        )
    }

    @Test func `A template is refused for gaps that nothing fills, and by its channel`() {
        func issues(_ channel: MessageTemplate.Channel, _ subject: String, _ body: String) -> [String] {
            let key = MessageTemplate.Key(kind: "sold", channel: channel, locale: "en")
            return MessageTemplate(key: key, version: 0, subject: subject, body: body).issues.map(\.field)
        }
        #expect(issues(.email, "a", "{title} {quantity, plural, one {x} other {#}}") == [])
        #expect(issues(.email, "a", "{secret}") == ["body"])
        #expect(issues(.email, "", "a") == ["subject"])
        #expect(issues(.email, "a\nBcc: x@example.org", "a") == ["subject"])
        #expect(issues(.sms, "a", "a") == ["subject"])
        #expect(issues(.sms, "", "{") == ["body"])
    }
}
