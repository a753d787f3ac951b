internal import BoxOffice
internal import Foundation
internal import Jobs
internal import Postgres

/// How a worker reaches people and machines, as it was told on the command line.
enum MessageOptions {
    static let webhookURL = Option(
        "webhook-url",
        .text("URL"),
        environment: "USHER_WEBHOOK_URL",
        help: "Where notifications for machines are posted, signed; without it they are logged"
    )
    static let webhookSecret = Option(
        "webhook-secret",
        .text("SECRET"),
        environment: "USHER_WEBHOOK_SECRET",
        help: "What posted notifications are signed with; better set in the environment"
    )
    static let mailFrom = Option(
        "mail-from",
        .text("ADDRESS"),
        environment: "USHER_MAIL_FROM",
        help: "The sender of e-mail that goes through the system's sendmail"
    )
    static let sendmail = Option(
        "sendmail",
        .text("PROGRAM"),
        environment: "USHER_SENDMAIL",
        initial: "/usr/sbin/sendmail",
        help: "The program that takes e-mail, with --mail-from"
    )
    static let emailURL = Option(
        "email-url",
        .text("URL"),
        environment: "USHER_EMAIL_URL",
        help: "A provider that takes e-mail as JSON, instead of sendmail"
    )
    static let emailKey = Option(
        "email-key",
        .text("SECRET"),
        environment: "USHER_EMAIL_KEY",
        help: "What we prove ourselves to the e-mail provider with; better set in the environment"
    )
    static let smsURL = Option(
        "sms-url",
        .text("URL"),
        environment: "USHER_SMS_URL",
        help: "A provider that takes text messages as JSON"
    )
    static let smsKey = Option(
        "sms-key",
        .text("SECRET"),
        environment: "USHER_SMS_KEY",
        help: "What we prove ourselves to the provider of text messages with; better set in the environment"
    )
    static let emailRate = rate("email-rate", "E-mails")
    static let smsRate = rate("sms-rate", "Text messages")
    static let publicURL = Option(
        "public-url",
        .text("URL"),
        environment: "USHER_PUBLIC_URL",
        help: "Where buyers reach the gateway, for the links in messages; without it they have none"
    )

    static let all = [
        webhookURL, webhookSecret, mailFrom, sendmail, emailURL, emailKey, smsURL, smsKey, emailRate, smsRate,
        publicURL,
    ]

    private static func rate(_ name: String, _ what: String) -> Option {
        Option(
            name,
            .number(1...100_000),
            help: "\(what) in a second, over all workers; without it the limit stays as it is"
        )
    }

    /// The channels.
    ///
    /// - Throws: `Failure` in a line for what can't be used.
    static func channel(_ invocation: Invocation, _ postgres: PostgresClient) throws -> ChannelSet {
        let arguments = invocation.arguments
        var people: [MessageTemplate.Channel: any PersonalChannel] = [:]
        if let url = try url(emailURL, arguments) {
            people[.email] = HTTPMessageChannel(url: url, apiKey: arguments.text(emailKey) ?? "")
        } else if let from = arguments.text(mailFrom) {
            guard Contact.isMail(from) else {
                throw Failure("--mail-from takes one address, not \"\(from)\"")
            }
            people[.email] = SendmailChannel(program: arguments.text(sendmail) ?? "", from: from)
        }
        if let url = try url(smsURL, arguments) {
            people[.sms] = HTTPMessageChannel(url: url, apiKey: arguments.text(smsKey) ?? "")
        }
        let base = try url(publicURL, arguments)?.absoluteString
        return ChannelSet(
            machines: try machines(invocation),
            people: people,
            links: MessageLinks(base: base, postgres: postgres)
        )
    }

    /// Makes the queues of the channels, and sets the limits that were asked for.
    static func prepare(_ arguments: Arguments, _ postgres: PostgresClient) async throws {
        let store = JobStore(postgres: postgres)
        for (channel, option) in [(MessageTemplate.Channel.email, emailRate), (.sms, smsRate)] {
            let queue = Notify.queue(for: channel)
            try await store.ensureQueue(queue)
            guard let rate = arguments.number(option) else { continue }
            try await store.setLimits(
                QueueLimits(rate: RateLimit(perSecond: Double(rate), burst: rate)),
                queue: queue
            )
        }
    }

    private static func machines(_ invocation: Invocation) throws -> any NotificationChannel {
        guard let url = try url(webhookURL, invocation.arguments) else {
            return LogChannel(logger: invocation.logger("notifications"))
        }
        guard let secret = invocation.arguments.text(webhookSecret) else {
            throw Failure("--webhook-url needs --webhook-secret, which signs what is posted")
        }
        return SignedWebhookChannel(url: url, secret: secret)
    }

    private static func url(_ option: Option, _ arguments: Arguments) throws -> URL? {
        guard let text = arguments.text(option) else { return nil }
        guard let url = URL(string: text), ["http", "https"].contains(url.scheme), url.host() != nil else {
            throw Failure("--\(option.name) takes an http or https URL, not \"\(text)\"")
        }
        return url
    }
}
