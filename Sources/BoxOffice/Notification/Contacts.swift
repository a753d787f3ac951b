package import Postgres

/// How a place's buyer wants to be told.
package struct Contact: Sendable, Equatable {
    package let channel: MessageTemplate.Channel
    /// An e-mail address, or a telephone number as E.164 has it.
    package let address: String
    /// As in `de` or `pt-BR`.
    package let locale: String

    /// Nil when a message could not be sent there: the line says what is accepted.
    package init?(channel: MessageTemplate.Channel, address: String, locale: String) {
        guard channel == .email ? Self.isMail(address) : Self.isNumber(address), Self.isLocale(locale) else {
            return nil
        }
        self.channel = channel
        self.address = address
        self.locale = locale
    }

    /// One address that can stand in a header as it is: nothing quoted, no comment, no list.
    package static func isMail(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 254, (1...64).contains(parts[0].utf8.count) else {
            return false
        }
        let local = parts[0].utf8.allSatisfy {
            isAlphanumeric($0) || Array("!#$%&'*+-/=?^_`{|}~.".utf8).contains($0)
        }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        let domain = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
        return local && domain && !parts[0].hasPrefix("-") && !parts[0].hasPrefix(".")
    }

    /// Source: ITU-T E.164.
    package static func isNumber(_ text: String) -> Bool {
        text.hasPrefix("+") && (8...16).contains(text.utf8.count)
            && text.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    package static func isLocale(_ text: String) -> Bool {
        (2...12).contains(text.utf8.count)
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}

/// Keeps how buyers want to be told, and stops when they say so.
package struct Contacts: Sendable {
    private let postgres: PostgresClient

    package init(postgres: PostgresClient) { self.postgres = postgres }

    /// Keeps a contact; giving one is agreeing to be told.
    ///
    /// - Returns: false when there is no such place.
    package func put(
        _ contact: Contact,
        onSale: OnSaleID,
        arrival: Int64,
        place: PlaceID
    ) async throws -> Bool {
        try await postgres.execute(
            Query(
                "contacts.put",
                """
                INSERT INTO contacts (on_sale_id, arrival, channel, address, locale, agreed_at)
                SELECT on_sale_id, arrival, \(contact.channel), \(contact.address), \(contact.locale), usher_now()
                FROM places
                WHERE on_sale_id = \(onSale.rawValue) AND arrival = \(arrival) AND id = \(place.bytes)
                ON CONFLICT (on_sale_id, arrival) DO UPDATE SET channel = excluded.channel,
                    address = excluded.address, locale = excluded.locale, agreed_at = excluded.agreed_at,
                    unsubscribed_at = NULL
                """
            )
        ) == 1
    }

    /// Forgets a contact; what is on its way to it is dropped.
    package func remove(onSale: OnSaleID, arrival: Int64) async throws {
        try await postgres.execute(
            Query(
                "contacts.remove",
                "DELETE FROM contacts WHERE on_sale_id = \(onSale.rawValue) AND arrival = \(arrival)"
            )
        )
    }

    /// Ends all messages to a place's contact.
    ///
    /// Ending them twice is ending them once.
    package func unsubscribe(_ token: UnsubscribeToken) async throws {
        try await postgres.execute(
            Query(
                "contacts.unsubscribe",
                """
                UPDATE contacts SET unsubscribed_at = coalesce(unsubscribed_at, usher_now())
                WHERE on_sale_id = \(token.onSale.rawValue) AND arrival = \(token.arrival)
                """
            )
        )
    }
}
