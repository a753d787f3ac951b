package import Telemetry

/// A message on its way to somebody.
package struct OutgoingMessage: Sendable, Hashable, Codable {
    /// How a message for a person goes there.
    package struct Route: Sendable, Hashable, Codable {
        package var channel: MessageTemplate.Channel
        package var address: String
        package var locale: String
        /// As the template has them, with their gaps.
        package var subject: String
        package var body: String
        /// What fills the gaps: texts, and numbers that plurals are made for.
        package var texts: [String: String]
        package var numbers: [String: Int]
        package var onSale: OnSaleID
        package var arrival: Int64
    }

    /// The notification's number, the same in each attempt: the receiver can drop repetitions by it.
    package var id: Int64
    /// What is told, such as `sold`.
    package var kind: String
    package var recipient: String
    /// A JSON object.
    package var payload: String
    /// Nil for what is told to machines.
    package var route: Route?
}

/// A way to reach people or machines.
package protocol NotificationChannel: Sendable {
    /// Hands a message over.
    ///
    /// - Throws: ``MessageRefused`` when it will never be taken; anything else is tried again.
    func deliver(_ message: OutgoingMessage) async throws
}

/// The other side said that it will not take this message, however often it is asked.
package struct MessageRefused: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Writes each message to the log: for set-ups without a channel of their own.
package struct LogChannel: NotificationChannel {
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    package func deliver(_ message: OutgoingMessage) async throws {
        logger.info(
            "notification",
            ["id": message.id, "kind": message.kind, "recipient": message.recipient]
        )
    }
}

/// Sends each message where it goes: people by mail or text message, machines by the one that is left.
package struct ChannelSet: NotificationChannel {
    private let machines: any NotificationChannel
    private let people: [MessageTemplate.Channel: any PersonalChannel]
    private let links: MessageLinks

    /// - Parameters:
    ///   - machines: for what has no route, and for people whom no channel of their own reaches.
    ///   - people: by channel.
    ///   - links: makes the addresses that stand in messages.
    package init(
        machines: any NotificationChannel,
        people: [MessageTemplate.Channel: any PersonalChannel],
        links: MessageLinks
    ) {
        self.machines = machines
        self.people = people
        self.links = links
    }

    package func deliver(_ message: OutgoingMessage) async throws {
        guard let route = message.route, let channel = people[route.channel] else {
            return try await machines.deliver(message)
        }
        let (link, unsubscribe) = try await links.links(for: route)
        var values = route.texts.mapValues(MessageFormat.Value.text)
        values.merge(route.numbers.mapValues(MessageFormat.Value.number)) { $1 }
        values["link"] = .text(link)
        values["unsubscribe"] = .text(unsubscribe)
        let (subject, body) = try Self.filled(route, values)
        let letter = Letter(
            id: message.id,
            to: route.address,
            subject: subject,
            body: body,
            unsubscribe: unsubscribe
        )
        try await channel.send(letter)
    }

    private static func filled(
        _ route: OutgoingMessage.Route,
        _ values: [String: MessageFormat.Value]
    ) throws(MessageRefused) -> (subject: String, body: String) {
        do throws(MessageFormat.Problem) {
            let subject = try MessageFormat(route.subject).filled(values, locale: route.locale)
            return (subject, try MessageFormat(route.body).filled(values, locale: route.locale))
        } catch {
            throw MessageRefused("the template has \(error)")
        }
    }
}

/// A message as a person reads it.
package struct Letter: Sendable, Equatable {
    /// The notification's number.
    package let id: Int64
    package let to: String
    /// Empty for a text message.
    package let subject: String
    package let body: String
    /// An address that ends all messages of the sale; empty when there is none.
    package let unsubscribe: String

    package init(id: Int64, to: String, subject: String, body: String, unsubscribe: String) {
        self.id = id
        self.to = to
        self.subject = subject
        self.body = body
        self.unsubscribe = unsubscribe
    }
}

/// A way to reach a person.
package protocol PersonalChannel: Sendable {
    /// Hands a letter over.
    ///
    /// - Throws: ``MessageRefused`` when it will never be taken; anything else is tried again.
    func send(_ letter: Letter) async throws
}
