internal import Foundation
internal import Postgres

/// What is on sale, for everybody: one document without scripts, with its style in it.
///
/// Nothing of it belongs to anybody, and nothing in it tells the time: what was not changed stays the same to the byte.
package struct EventPage {
    let subject: PageSubject
    let words: EventPageWords

    private var path: String { PageName.event(words.language).path(of: subject.id) }
    private var isOver: Bool { subject.state == "closed" }

    /// The page.
    var bytes: [UInt8] {
        let title = Self.escaped(subject.title)
        let place = Self.escaped("\(subject.venue), \(subject.city)")
        let message = subject.message.map {
            "<aside class=\"note\"><strong>\(Self.escaped(words.fromPromoter))</strong> \(Self.escaped($0))</aside>"
        }
        let parts = [message ?? "", card, prices, map].filter { !$0.isEmpty }.joined(separator: "\n")
        let html = """
            <!doctype html>
            <html lang="\(words.language)" dir="\(words.direction)"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title)</title><meta name="description" content="\(title), \(place)">\(alternates)
            <style>\(Self.style)</style></head><body>
            <header><h1>\(title)</h1><p>\(place)</p>\(event)</header>
            <main>
            \(parts)
            </main>
            <footer><nav aria-label="\(Self.escaped(words.languages))">\(languages)</nav></footer>
            </body></html>

            """
        return Array(html.utf8)
    }

    /// What the page may do: show its own style, and the picture beside it.
    static let policy = policy(style: style, images: "'self'")

    /// A policy of a document that is nothing but itself.
    static func policy(style: String, images: String = "'none'") -> String {
        let hash = Data(Digest.sha256(style)).base64EncodedString()
        return "default-src 'none'; style-src 'sha256-\(hash)'; img-src \(images); base-uri 'none'; "
            + "form-action 'none'; frame-ancestors 'none'"
    }

    // MARK: Parts

    /// When it takes place, and what kind of evening it is.
    private var event: String {
        let parts = [
            subject.eventAt.map { words.takesPlace.replacing("{event}", with: time($0)) },
            subject.genre.map(Self.escaped),
        ].compactMap(\.self)
        return parts.isEmpty ? "" : "<p>\(parts.joined(separator: " · "))</p>"
    }

    private var card: String {
        let (title, text) = words.states[subject.state] ?? (subject.state, "")
        let filled = [
            ("opens", subject.opensAt), ("starts", subject.startsAt), ("closes", subject.closesAt),
        ].reduce(Self.escaped(text)) { $0.replacing("{\($1.0)}", with: time($1.1)) }
        let isAhead = ["prequeue", "admitting", "paused"].contains(subject.state)
        let link =
            "<p><a class=\"\(isAhead ? "button primary" : "button")\" "
            + "href=\"/on-sales/\(subject.id.publicID)?lang=\(words.language)\">"
            + "\(Self.escaped(isAhead ? words.join : words.look))</a></p>"
        return "<section class=\"card\"><h2>\(Self.escaped(title))</h2><p>\(filled)</p>\(link)</section>"
    }

    private var prices: String {
        let rows = subject.tiers.map { tier in
            "<li><span>\(Self.escaped(tier.name))</span> \(tag(tier.left))"
                + "<span class=\"price\">\(Self.escaped(money(tier.price)))</span></li>"
        }.joined()
        return "<section class=\"card\"><h2>\(Self.escaped(words.prices))</h2><ul>\(rows)</ul></section>"
    }

    private var map: String {
        guard !subject.sections.isEmpty else { return "" }
        let rows = subject.sections.map { section in
            "<li><span>\(Self.escaped(section.name))</span> \(tag(section.left))</li>"
        }.joined()
        return "<section class=\"card\"><h2>\(Self.escaped(words.map))</h2>"
            + "<p><img src=\"\(PageName.picture.path(of: subject.id))\" alt=\"\(Self.escaped(words.picture))\"></p>"
            + "<details><summary>\(Self.escaped(words.sections))</summary><ul>\(rows)</ul></details></section>"
    }

    private func tag(_ left: Availability) -> String {
        guard !isOver else { return "" }
        return "<span class=\"tag \(left.rawValue)\">\(Self.escaped(words.left[left] ?? ""))</span> "
    }

    private var languages: String {
        EventPageWords.all.map { other in
            let current = other.language == words.language ? " aria-current=\"true\"" : ""
            return "<a href=\"\(PageName.event(other.language).path(of: subject.id))\" "
                + "hreflang=\"\(other.language)\" lang=\"\(other.language)\"\(current)>\(other.name)</a>"
        }.joined(separator: " ")
    }

    private var alternates: String {
        EventPageWords.all.map { other in
            "<link rel=\"alternate\" hreflang=\"\(other.language)\" "
                + "href=\"\(PageName.event(other.language).path(of: subject.id))\">"
        }.joined()
    }

    // MARK: Values

    private func time(_ instant: PostgresTimestamp) -> String {
        var style = Date.FormatStyle(date: .long, time: .shortened)
        style.locale = Locale(identifier: words.language)
        style.timeZone = .gmt
        let text = Date(timeIntervalSince1970: Double(instant.microseconds / 1_000_000)).formatted(style)
        return "<time datetime=\"\(instant)\">\(Self.escaped(text)) UTC</time>"
    }

    private func money(_ amount: Int64) -> String {
        // What is kept are minor units, and how many make one is the currency's affair.
        let formatter = NumberFormatter()
        formatter.numberStyle = .currency
        formatter.locale = Locale(identifier: words.language)
        formatter.currencyCode = subject.currency
        let digits = formatter.maximumFractionDigits
        let value = Decimal(sign: .plus, exponent: -digits, significand: Decimal(amount))
        return formatter.string(from: value as NSDecimalNumber) ?? "\(subject.currency) \(value)"
    }

    /// Text that can stand in HTML and in its attributes.
    package static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }

    // MARK: Style

    /// The colours are those of the line's page.
    private static let style = """
        :root{color-scheme:light dark;--ground:#f6f6f9;--surface:#fff;--ink:#16181d;--quiet:#555b68;--line:#d9dbe3;\
        --field:#7a8090;--accent:#4338ca;--on-accent:#fff;--accent-ground:#eeedfd;--good:#0b6b35;--good-ground:#e4f5ea;\
        --warn:#7d4a00;--warn-ground:#fdf1dc}
        @media(prefers-color-scheme:dark){:root{--ground:#101217;--surface:#191c23;--ink:#eceef3;--quiet:#a6adbb;\
        --line:#333845;--field:#7c8496;--accent:#a5a0ff;--on-accent:#14123a;--accent-ground:#25244a;--good:#74d79b;\
        --good-ground:#14301f;--warn:#f2c069;--warn-ground:#35280f}}
        *{box-sizing:border-box}body{margin:0;font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;\
        color:var(--ink);background:var(--ground);overflow-wrap:break-word}
        header,main,footer{max-inline-size:44rem;margin-inline:auto;padding:1rem}header{padding-block-start:2rem}
        main{display:grid;gap:1rem;padding-block:0}h1,h2{line-height:1.2;margin:0;text-wrap:balance;letter-spacing:-.01em}
        h1{font-size:1.9rem}h2{font-size:1.2rem}p{margin:.5rem 0 0;text-wrap:pretty}header p{color:var(--quiet)}
        .card{background:var(--surface);border:1px solid var(--line);border-radius:14px;padding:1.25rem}
        .note{background:var(--accent-ground);border-radius:10px;padding:.75rem 1rem}
        .button{display:inline-flex;align-items:center;min-block-size:2.75rem;padding:.5rem 1.1rem;margin-block-start:.5rem;\
        border-radius:10px;border:1px solid var(--field);font-weight:600;color:var(--ink);text-decoration:none}
        .primary{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
        ul{list-style:none;margin:.5rem 0 0;padding:0}li{display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline;\
        padding-block:.6rem;border-block-end:1px solid var(--line)}li:last-child{border:0;padding-block-end:0}
        li>span:first-child{flex:1 1 6rem;font-weight:600}.price{font-variant-numeric:tabular-nums;min-inline-size:4.5rem;text-align:end}
        .tag{padding:.05rem .55rem;border-radius:99px;font-size:.8125rem;font-weight:600;background:var(--ground);color:var(--quiet)}
        .tag.many{background:var(--good-ground);color:var(--good)}.tag.few{background:var(--warn-ground);color:var(--warn)}
        img{display:block;max-inline-size:100%;block-size:auto;margin-inline:auto}summary{cursor:pointer;margin-block-start:1rem}
        a{color:var(--accent);text-underline-offset:.15em}nav{display:flex;flex-wrap:wrap;gap:.4rem 1rem}
        nav a{padding-block:.4rem}nav [aria-current]{color:var(--ink);font-weight:600;text-decoration:none}
        :focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
        """
}
