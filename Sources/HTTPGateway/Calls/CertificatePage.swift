internal import BoxOffice
internal import HTTP

/// A certificate for people: one page without scripts, that prints.
enum CertificatePage {
    static func response(_ certificate: FairnessCertificate) -> HTTPResponse {
        page.response(
            title: "Fairness certificate: \(certificate.onSale.title)",
            content: content(certificate),
            caching: "public, s-maxage=5"
        )
    }

    private static let page = HTMLPage(style: style)

    private static let style = """
        body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
        h1{font-size:1.6rem;line-height:1.2;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #ddd;vertical-align:top}
        td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em;overflow-wrap:anywhere}
        .fine{color:#0a6b2d}.broken{color:#b00020;font-weight:600}
        @media(prefers-color-scheme:dark){body{color:#eee;background:#16181c}th,td{border-color:#444}.fine{color:#6fd08c}.broken{color:#ff8a94}}
        """

    private static func content(_ certificate: FairnessCertificate) -> String {
        let facts = certificate.onSale
        let verdict =
            certificate.violations.isEmpty
            ? "<p class=\"fine\">Nothing was sold twice, nobody came in before their number was called, and the record below is whole.</p>"
            : certificate.violations.map { "<p class=\"broken\">\(escaped($0))</p>" }.joined()
        let state = certificate.isFinal ? "Final" : "Not final yet"
        return """
            <h1>Fairness certificate: \(escaped(facts.title))</h1>
            <p>\(escaped(facts.venue)), \(escaped(facts.city)). \(state), as of <time>\(facts.readAt)</time>.</p>
            \(verdict)
            <h2>The draw</h2>\(draw(facts))
            <h2>The line</h2>\(line(certificate.line))
            <h2>The tickets</h2>\(tiers(certificate.tiers))
            <h2>What people decided</h2>\(decisions(certificate.exceptions))
            <h2>The record</h2>\(record(certificate.entries))
            """
    }

    private static func draw(_ facts: OnSaleStatus) -> String {
        guard facts.drawnAt != nil else { return "<p>Not made yet.</p>" }
        let ceremony = facts.ceremony
        var rows = [
            ("Entries", "\(facts.entries ?? 0)"), ("Committed to", code(facts.commitment)),
            ("Secret", facts.revealedSecret.map(code) ?? "withheld"),
            ("Root of the entries", code(facts.root ?? [])),
            ("Root published", ceremony.rootedAt.map { "\($0)" } ?? ""),
        ]
        if let due = ceremony.due {
            let source =
                switch ceremony.beacon {
                case .none: ""
                case .drand(let url, _, _): "drand round \(due.round ?? 0) of \(escaped(url))"
                case .announced(let words, _): escaped(words)
                }
            rows.append(("Beacon", "\(source), at \(due.at)"))
            rows.append(("Its value", ceremony.value.map(code) ?? "missing"))
        }
        rows.append(("Key", code(facts.drawKey ?? [])))
        for flag in ceremony.flags { rows.append(("Flagged", escaped(words(for: flag)))) }
        let body = rows.map { "<tr><th scope=\"row\">\($0.0)</th><td>\($0.1)</td></tr>" }.joined()
        return "<p>\(escaped(ceremony.restsOn))</p><table>\(body)</table>"
    }

    private static func words(for flag: DrawCeremony.Flag) -> String {
        switch flag {
        case .sealedLate: "the entries were sealed more than a minute after the start"
        case .beaconMoved: "the promised beacon would have come before the root, so a later one was taken"
        case .beaconMissing: "a beacon was promised and is not part of the key"
        case .noBeacon: "no beacon was promised"
        case .secretWithheld: "the promoter did not hand the secret in"
        }
    }

    private static func line(_ line: FairnessCertificate.Line) -> String {
        """
        <p>\(line.joined) places were taken, \(line.called) were called, \(line.admitted) came in, \(line.missed) missed \
        their turn. \(line.admittedAhead) came in before their number was called. \
        \(line.calledAgain) were called again after they had missed their turn, and \(line.fromWaitlist) came in from the \
        waitlist.</p>
        """
    }

    private static func tiers(_ tiers: [FairnessCertificate.Tier]) -> String {
        let rows = tiers.map { tier in
            let cells = [tier.capacity, tier.sold, tier.refunded, tier.live, tier.oversold]
            return "<tr><th scope=\"row\">\(escaped(tier.name))</th>"
                + cells.map { "<td class=\"n\">\($0)</td>" }.joined() + "</tr>"
        }
        let head = ["Capacity", "Sold", "Refunded", "Still held", "Oversold"]
            .map { "<th class=\"n\" scope=\"col\">\($0)</th>" }.joined()
        return "<table><tr><th scope=\"col\">Tier</th>\(head)</tr>\(rows.joined())</table>"
    }

    private static func decisions(_ entries: [FairnessCertificate.Entry]) -> String {
        guard !entries.isEmpty else { return "<p>Nothing: the sale ran as it was planned.</p>" }
        let rows = entries.map {
            "<tr><td><time>\($0.recordedAt)</time></td><td>\(escaped($0.action))</td><td><code>\(escaped($0.detail))</code></td></tr>"
        }
        return "<table>\(rows.joined())</table>"
    }

    private static func record(_ entries: [FairnessCertificate.Entry]) -> String {
        let last =
            entries.last.map { "\($0.ordinal) entries, the last with hash \(code($0.hash))" } ?? "no entries"
        return "<p>\(last). Each hash covers the one before; the JSON certificate has them all.</p>"
    }

    private static func code(_ bytes: [UInt8]) -> String { "<code>\(Hex.encode(bytes))</code>" }

    private static func escaped(_ text: String) -> String { HTMLPage.escaped(text) }
}
