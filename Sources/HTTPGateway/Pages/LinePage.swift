internal import BoxOffice
internal import HTTP
internal import Pages

/// The line of one on-sale, for one buyer: everything that can be read and done without a script, and what the script
/// begins with.
struct LinePage {
    private static let document = PageDocument("line.html")

    let words: LineWords
    let onSale: OnSaleSnapshot
    let place: PlaceID?
    let standing: PlaceStanding?
    /// What payment methods there are.
    var methods: [String] = []
    /// The promoter's word for who it is, as the link brought it.
    var buyer: String?
    /// Why what was just asked for was not done.
    var problem: Problem?
    let now: String
    let isStale: Bool

    private var facts: OnSaleStatus { onSale.facts }

    /// The page as an answer; it is one buyer's.
    func response() -> HTTPResponse {
        var response = Self.document.response(
            [
                "lang": words.language, "dir": words.direction, "head": head,
                "title": HTMLPage.escaped(facts.title),
                "where": HTMLPage.escaped("\(facts.venue), \(facts.city)"),
                "skip": HTMLPage.escaped(words["skip"]),
                "first": quoted(first),
                "languages": languages, "language": HTMLPage.escaped(words["language"]),
                "content": content,
            ],
            status: problem?.status ?? 200,
            caching: "private, no-store"
        )
        response.headers.add("Vary", "Accept-Language, Cookie")
        return response
    }

    /// What is shown where there is no such on-sale.
    static func unknown(_ words: LineWords) -> HTTPResponse {
        let title = HTMLPage.escaped(words["unknown.title"])
        return document.response(
            [
                "lang": words.language, "dir": words.direction, "title": title,
                "skip": HTMLPage.escaped(words["skip"]),
                "content":
                    "<section class=\"card\"><p>\(HTMLPage.escaped(words["unknown.text"]))</p></section>",
            ],
            status: 404,
            caching: "no-store"
        )
    }

    // MARK: What the script begins with

    private var head: String {
        let strings = "\(PageAssets.path)/line.\(words.language).json"
        let modules = ["line.js", "dom.js", "i18n.js", "line-api.js", "line-live.js", "line-wait.js"]
        return "<link rel=\"preload\" as=\"fetch\" crossorigin href=\"\(strings)\">"
            + modules.dropFirst().map {
                "<link rel=\"modulepreload\" href=\"\(PageAssets.path)/\($0)\">"
            }.joined()
            + "<script type=\"module\" src=\"\(PageAssets.path)/line.js\"></script>"
            + "<noscript><meta http-equiv=\"refresh\" content=\"\(refreshSeconds)\"></noscript>"
    }

    private var refreshSeconds: Int {
        let milliseconds =
            standing.map { onSale.pollMilliseconds($0) } ?? onSale.pollMilliseconds(number: nil)
        return max(5, min(60, milliseconds / 1_000))
    }

    private var first: [UInt8] {
        JSONWriter.object { json in
            json.field("now", now)
            json.object("on_sale") { onSale.write(to: &$0) }
            json.field("status", raw: onSale.status(isStale: isStale).response.body)
            if let place, let standing {
                json.object("place") { json in
                    PlaceDocument.write(place, standing, onSale, isStale: isStale, to: &json)
                }
            }
            json.array("methods") { for method in methods { $0.value(method) } }
            json.field("buyer", buyer)
        }
    }

    /// JSON for an attribute in single quotes: its own double quotes, of which it has many, stay as they are.
    private func quoted(_ json: [UInt8]) -> String {
        String(decoding: json, as: UTF8.self).replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing("'", with: "&#39;")
    }

    private var languages: String {
        LineWords.all.map { other in
            let current = other.language == words.language ? " aria-current=\"true\"" : ""
            return "<a href=\"?lang=\(other.language)\" hreflang=\"\(other.language)\" "
                + "lang=\"\(other.language)\"\(current)>\(HTMLPage.escaped(other["name"]))</a>"
        }.joined()
    }

    // MARK: What needs no script

    private var content: String {
        let paused = facts.pausedAt == nil ? "" : note("pause.title", "warn", facts.pauseReason)
        let message = facts.message.map { "<p class=\"note\">\(HTMLPage.escaped($0))</p>" } ?? ""
        let refused = problem.map { note("error.\($0.code)", "bad", $0.title) } ?? ""
        return refused + paused + message + card + prices
            + "<noscript><p class=\"note\">\(HTMLPage.escaped(words["noscript"]))</p></noscript>"
    }

    private func note(_ key: String, _ kind: String, _ detail: String?) -> String {
        let text = words[key] == key ? detail ?? "" : words[key]
        let more = detail.map { $0 == text || problem != nil ? "" : " " + $0 } ?? ""
        return "<p class=\"note \(kind)\">\(HTMLPage.escaped(text + more))</p>"
    }

    private var card: String {
        let (title, text) = saying
        var lines: [(String, String)] = []
        if let standing {
            if standing.state == .waiting, !standing.isAgain, let number = standing.number {
                lines.append((words["waiting.ahead.label"], "\(facts.ahead(of: number))"))
                lines.append((words["waiting.number"], "\(number)"))
                if let wait = facts.wait(for: number) {
                    let band = words[
                        "waiting.minutes",
                        ["from": "\(wait.p25 / 60)", "to": "\(max(1, (wait.p75 + 59) / 60))"]
                    ]
                    lines.append((words["waiting.band"], band))
                }
            }
            if let position = standing.waitlistPosition {
                lines.append((words["waitlist.position.label"], "\(position)"))
            }
            if let until = standing.turnExpiresAt { lines.append((words["turn.until"], "\(until)")) }
        } else if facts.state == .scheduled || facts.state == .prequeue {
            lines.append((words["opens"], "\(facts.opensAt)"))
            lines.append((words["starts"], "\(facts.startsAt)"))
        }
        let list = lines.map {
            "<dt>\(HTMLPage.escaped($0.0))</dt><dd>\(HTMLPage.escaped($0.1))</dd>"
        }.joined()
        return "<section class=\"card stack\"><h2>\(HTMLPage.escaped(words[title]))</h2>"
            + "<p>\(HTMLPage.escaped(words[text]))</p>"
            + (list.isEmpty ? "" : "<dl class=\"facts\">\(list)</dl>") + form + "</section>"
    }

    /// The keys of what is to be said first.
    private var saying: (title: String, text: String) {
        guard let standing else {
            return switch facts.state {
            case .scheduled: ("scheduled.title", "scheduled.text")
            case .prequeue: ("join.title", "join.text")
            case .admitting: ("join.title", "join.late")
            case .soldOut: ("soldout.title", "soldout.text")
            case .closed, .cancelled: ("closed.title", "closed.text")
            }
        }
        return switch standing.state {
        case .prequeue: ("joined.title", "joined.text")
        case .waiting where standing.waitlistPosition != nil: ("waitlist.title", "waitlist.text")
        case .waiting: ("waiting.title", "waiting.text")
        case .called, .admitted: ("turn.title", "turn.script")
        case .missed: ("missed.title", "turn.script")
        case .left: ("left.title", "left.text")
        case .done: facts.state == .soldOut ? ("soldout.title", "soldout.text") : ("done.title", "done.text")
        }
    }

    private var form: String {
        guard standing == nil, facts.state == .prequeue || facts.state == .admitting else { return "" }
        let code =
            facts.groups.isEmpty
            ? ""
            : "<p class=\"field\"><label for=\"code\">\(HTMLPage.escaped(words["join.code"]))</label>"
                + "<input id=\"code\" name=\"code\" maxlength=\"64\" autocomplete=\"off\"></p>"
        let buyer =
            buyer.map { "<input type=\"hidden\" name=\"buyer\" value=\"\(HTMLPage.escaped($0))\">" } ?? ""
        return "<form class=\"stack\" method=\"post\" action=\"/on-sales/\(facts.id.publicID)/join\">"
            + code + buyer
            + "<button class=\"primary\">\(HTMLPage.escaped(words["join.button"]))</button></form>"
    }

    private var prices: String {
        let rows = facts.tiers.map { tier in
            "<li><span>\(HTMLPage.escaped(tier.name))</span> <span class=\"number\">"
                + "\(HTMLPage.escaped(Self.money(tier.price, facts.currency)))</span></li>"
        }.joined()
        return "<section class=\"card stack\"><h2>\(HTMLPage.escaped(words["prices.title"]))</h2>"
            + "<ul class=\"prices\">\(rows)</ul></section>"
    }

    /// Without a script only so well: the digits of a currency are known to `Intl`, and here of the few that have none.
    private static func money(_ amount: Int64, _ currency: String) -> String {
        let digits =
            ["JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "PYG", "UGX"].contains(currency) ? 0 : 2
        guard digits > 0 else { return "\(currency) \(amount)" }
        let minor = "\(amount % 100)"
        return "\(currency) \(amount / 100).\(minor.count < 2 ? "0" : "")\(minor)"
    }
}
