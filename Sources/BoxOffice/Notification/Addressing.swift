internal import Foundation
internal import Postgres

/// Finds out how the buyers whom messages are for want to be told, and in which words.
enum Addressing {
    /// Whom a message is for.
    struct About: Sendable, Hashable {
        /// The buyer of a session.
        var admission: Int64?
        /// The buyer of a place.
        var place: Place?

        init(_ message: OutgoingMessage, onSale: Int64?, arrival: Int64?) {
            admission = AdmissionID(publicID: message.recipient)?.rawValue
            if let onSale, let arrival { place = Place(onSale: onSale, arrival: arrival) }
        }
    }

    struct Place: Sendable, Hashable {
        var onSale: Int64
        var arrival: Int64
    }

    enum Outcome: Sendable {
        case person(OutgoingMessage.Route)
        /// The buyer has not said how: whoever listens for all of them is told.
        case machines
        /// It was for a person who does not want to be told any more.
        case nobody
    }

    private struct Known {
        let place: Place
        let contact: Contact
        let facts: [String: String]
        let turnSeconds: Int
    }

    /// Chooses, and notes channel and template with each notification.
    ///
    /// - Returns: one for each message, in order.
    static func routes(
        _ messages: [(message: OutgoingMessage, about: About)],
        in tx: inout Transaction
    ) async throws -> [Outcome] {
        guard !messages.isEmpty else { return [] }
        let known = try await contacts(messages.map(\.about), in: &tx)
        let kinds = Set(messages.map(\.message.kind)).sorted()
        let written =
            known.isEmpty
            ? [:] : try MessageTemplates.read(try await tx.query(MessageTemplates.latest(kinds)))
        var outcomes: [Outcome] = []
        var chosen: [(id: Int64, channel: String, template: String)] = []
        var dropped: [Int64] = []
        for (message, about) in messages {
            guard let contact = known[about] else {
                outcomes.append(about.place == nil ? .machines : .nobody)
                if about.place != nil { dropped.append(message.id) }
                continue
            }
            let key = MessageTemplate.Key(
                kind: message.kind,
                channel: contact.contact.channel,
                locale: contact.contact.locale
            )
            guard let template = MessageTemplates.choose(key, from: written) else {
                outcomes.append(.machines)
                continue
            }
            chosen.append((message.id, key.channel.rawValue, template.name))
            outcomes.append(.person(route(message, contact, template)))
        }
        if !chosen.isEmpty { try await tx.execute(note(chosen)) }
        if !dropped.isEmpty { try await tx.execute(drop(dropped)) }
        return outcomes
    }

    private static func route(
        _ message: OutgoingMessage,
        _ known: Known,
        _ template: MessageTemplate
    ) -> OutgoingMessage.Route {
        var texts = known.facts
        var numbers = ["turn_minutes": max(1, known.turnSeconds / 60)]
        // A payload is an object that this program has written; one that can't be read leaves its gaps empty.
        let payload = (try? JSONDecoder().decode(PlanValue.self, from: Data(message.payload.utf8))) ?? .null
        if case .object(let fields) = payload {
            for (name, value) in fields {
                switch value {
                case .string(let text): texts[name] = text
                case .integer(let number): numbers[name] = number
                default: break
                }
            }
        }
        if let amount = numbers.removeValue(forKey: "total"), let currency = texts["currency"] {
            texts["total"] = money(amount, currency)
        }
        return OutgoingMessage.Route(
            channel: known.contact.channel,
            address: known.contact.address,
            locale: template.key.locale,
            subject: template.subject,
            body: template.body,
            texts: texts,
            numbers: numbers,
            onSale: OnSaleID(rawValue: known.place.onSale),
            arrival: known.place.arrival
        )
    }

    /// Source: ISO 4217: the currencies of today that have no minor unit, or a thousand.
    private static func money(_ amount: Int, _ currency: String) -> String {
        let whole = [
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
            "XOF",
            "XPF",
        ]
        let thousandths = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]
        if whole.contains(currency) { return "\(amount) \(currency)" }
        let digits = thousandths.contains(currency) ? 3 : 2
        let unit = digits == 3 ? 1_000 : 100
        let fraction = String(amount % unit + unit).dropFirst()
        return "\(amount / unit).\(fraction) \(currency)"
    }

    // MARK: Statements

    private static func contacts(_ abouts: [About], in tx: inout Transaction) async throws -> [About: Known] {
        let sessions = Set(abouts.filter { $0.place == nil }.compactMap(\.admission)).sorted()
        let places = Array(Set(abouts.compactMap(\.place)))
        let answers = try await tx.pipeline([bySession(sessions), byPlace(places)])
        var bySession: [Int64: Known] = [:]
        var byPlace: [Place: Known] = [:]
        for row in answers[0] { bySession[try row[0]] = try known(row) }
        for row in answers[1] {
            let known = try known(row)
            if let known { byPlace[known.place] = known }
        }
        var all: [About: Known] = [:]
        for about in abouts {
            all[about] = about.place.flatMap { byPlace[$0] } ?? about.admission.flatMap { bySession[$0] }
        }
        return all
    }

    private static func known(_ row: Row) throws -> Known? {
        guard let contact = Contact(channel: try row[3], address: try row[4], locale: try row[5]) else {
            return nil
        }
        return Known(
            place: Place(onSale: try row[1], arrival: try row[2]),
            contact: contact,
            facts: [
                "title": try row[6], "venue": try row[7], "city": try row[8], "opens": try row[10],
                "starts": try row[11],
            ],
            turnSeconds: try row[9]
        )
    }

    /// As they are when it is delivered, to the minute.
    private static let times: SQL = """
        to_char(o.opens_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'),
        to_char(o.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')
        """

    /// Uses the primary keys.
    private static func bySession(_ sessions: [Int64]) -> Query {
        Query(
            "notifications.contacts_of_sessions",
            """
            SELECT a.admission_id, c.on_sale_id, c.arrival, c.channel, c.address, c.locale, o.title, o.venue, o.city,
                o.turn_seconds, \(fragment: times)
            FROM admissions a
                JOIN contacts c ON c.on_sale_id = a.on_sale_id AND c.arrival = a.arrival
                JOIN on_sales o ON o.on_sale_id = a.on_sale_id
            WHERE a.admission_id = ANY (\(sessions)) AND c.unsubscribed_at IS NULL
            """
        )
    }

    /// Uses the primary keys.
    private static func byPlace(_ places: [Place]) -> Query {
        Query(
            "notifications.contacts_of_places",
            """
            SELECT NULL::bigint, c.on_sale_id, c.arrival, c.channel, c.address, c.locale, o.title, o.venue, o.city,
                o.turn_seconds, \(fragment: times)
            FROM unnest(\(places.map(\.onSale)), \(places.map(\.arrival))) AS k (on_sale_id, arrival)
                JOIN contacts c ON c.on_sale_id = k.on_sale_id AND c.arrival = k.arrival
                JOIN on_sales o ON o.on_sale_id = k.on_sale_id
            WHERE c.unsubscribed_at IS NULL
            """
        )
    }

    private static func note(_ chosen: [(id: Int64, channel: String, template: String)]) -> Query {
        Query(
            "notifications.note_template",
            """
            UPDATE notifications AS n SET channel = c.channel, template = c.template
            FROM unnest(\(chosen.map(\.id)), \(chosen.map(\.channel)), \(chosen.map(\.template)))
                AS c (id, channel, template)
            WHERE n.id = c.id
            """
        )
    }

    private static func drop(_ ids: [Int64]) -> Query {
        Query(
            "notifications.drop",
            """
            UPDATE notifications SET state = 'dropped', detail = 'nobody wants to be told', settled_at = usher_now()
            WHERE id = ANY (\(ids)) AND state = 'pending'
            """
        )
    }
}
