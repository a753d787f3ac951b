internal import Postgres

/// What a message of a kind says on a channel in a language.
package struct MessageTemplate: Sendable, Equatable {
    /// How messages reach people.
    package enum Channel: String, Sendable, Codable, CaseIterable, PostgresEncodable, PostgresDecodable {
        case email
        case sms
    }

    /// Which message; `locale` as in `de` or `pt-BR`.
    package struct Key: Sendable, Hashable {
        package let kind: String
        package let channel: Channel
        package let locale: String

        package init(kind: String, channel: Channel, locale: String) {
            self.kind = kind
            self.channel = channel
            self.locale = locale
        }
    }

    package let key: Key
    /// 0 for the text that comes with Usher.
    package let version: Int
    /// Empty for SMS.
    package let subject: String
    package let body: String

    package init(key: Key, version: Int, subject: String, body: String) {
        self.key = key
        self.version = version
        self.subject = subject
        self.body = body
    }

    /// Names the text, as `sold/email/de/3`: kept with each notification that was made of it.
    package var name: String { "\(key.kind)/\(key.channel.rawValue)/\(key.locale)/\(version)" }

    /// The gaps that a template may have.
    package static let names = [
        "title", "venue", "city", "tier", "quantity", "total", "reservation", "number", "turn_minutes",
        "minutes", "until", "opens", "starts",
        "link",
        "unsubscribe",
    ]

    /// Everything that is wrong with it, by field.
    package var issues: [(field: String, message: String)] {
        var issues: [(field: String, message: String)] = []
        for (field, text) in [("subject", subject), ("body", body)] {
            do throws(MessageFormat.Problem) {
                for name in try MessageFormat(text).names.subtracting(Self.names).sorted() {
                    let accepted = Self.names.joined(separator: ", ")
                    issues.append((field, "{\(name)} is not known; accepted: \(accepted)"))
                }
            } catch {
                issues.append((field, "has \(error)"))
            }
        }
        if subject.unicodeScalars.contains(where: { $0.value < 32 }) {
            issues.append(("subject", "must be one line"))
        }
        if key.channel == .email, subject.isEmpty { issues.append(("subject", "is required for e-mail")) }
        if key.channel == .sms, !subject.isEmpty { issues.append(("subject", "must be empty for SMS")) }
        return issues
    }

    /// The text with its gaps filled.
    ///
    /// - Throws: ``MessageFormat/Problem``; not for a template without ``issues``.
    package func filled(
        _ values: [String: MessageFormat.Value]
    ) throws(MessageFormat.Problem) -> (subject: String, body: String) {
        let subject = try MessageFormat(subject).filled(values, locale: key.locale)
        return (subject, try MessageFormat(body).filled(values, locale: key.locale))
    }

    /// Values for a preview: each gap has one.
    package static func sample(quantity: Int) -> [String: MessageFormat.Value] {
        [
            "title": .text("The Midnight Choir"), "venue": .text("Arena"), "city": .text("Bremen"),
            "tier": .text("Stalls"), "quantity": .number(quantity), "total": .text("90.00 EUR"),
            "reservation": .text("rs_example"), "number": .number(1_234), "turn_minutes": .number(2),
            "minutes": .number(9),
            "until": .text("2027-03-01 10:30 UTC"),
            "opens": .text("2027-03-01 09:00 UTC"), "starts": .text("2027-03-01 10:00 UTC"),
            "link": .text("https://tickets.example/on-sales/os_7"),
            "unsubscribe": .text("https://tickets.example/unsubscribe/un_example"),
        ]
    }
}
