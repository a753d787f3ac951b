package import Foundation

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// Hands letters to a provider of e-mail or text messages that speaks JSON over HTTP.
///
/// `POST` with `{"to", "subject", "text", "unsubscribe", "reference"}` and the notification's number as
/// `Idempotency-Key`. A 429 or a 5xx is tried again, another 4xx is a refusal.
package struct HTTPMessageChannel: PersonalChannel {
    private struct Body: Encodable {
        let to: String
        let subject: String?
        let text: String
        let unsubscribe: String?
        let reference: String
    }

    private let url: URL
    private let apiKey: String
    private let client: OutboundHTTP

    package init(url: URL, apiKey: String, timeout: Duration = .seconds(10)) {
        self.url = url
        self.apiKey = apiKey
        client = OutboundHTTP(timeout: timeout)
    }

    package func send(_ letter: Letter) async throws {
        let reference = "notification-\(letter.id)"
        let body = Body(
            to: letter.to,
            subject: letter.subject.isEmpty ? nil : letter.subject,
            text: letter.body,
            unsubscribe: letter.unsubscribe.isEmpty ? nil : letter.unsubscribe,
            reference: reference
        )
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.httpBody = try JSONEncoder().encode(body)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("Bearer \(apiKey)", forHTTPHeaderField: "Authorization")
        request.setValue(reference, forHTTPHeaderField: "Idempotency-Key")
        let status = try await client.send(request).status
        switch status {
        case 200..<300: return
        // Too early, too many, or not done yet: the same again later may be taken.
        case 408, 409, 425, 429, 500...: throw ProviderBusy(status: status)
        default: throw MessageRefused("the provider answered \(status)")
        }
    }
}

/// A provider can't take a message now.
package struct ProviderBusy: Error, Sendable, CustomStringConvertible {
    package let status: Int

    package var description: String { "the provider answered \(status)" }
}
