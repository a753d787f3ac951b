package import Foundation
internal import Postgres

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// Posts each message as JSON to one address, signed with a shared secret.
package struct SignedWebhookChannel: NotificationChannel {
    private let url: URL
    private let signature: WebhookSignature
    private let client: OutboundHTTP

    package init(url: URL, secret: String, timeout: Duration = .seconds(10)) {
        self.url = url
        signature = WebhookSignature(secret: secret)
        client = OutboundHTTP(timeout: timeout)
    }

    package func deliver(_ message: OutgoingMessage) async throws {
        let head = try JSONEncoder().encode(["kind": message.kind, "recipient": message.recipient])
        let fields = String(decoding: head.dropLast(), as: UTF8.self)
        let body = Array("\(fields),\"id\":\(message.id),\"payload\":\(message.payload)}".utf8)
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.httpBody = Data(body)
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue(String(message.id), forHTTPHeaderField: "Usher-Notification")
        let seconds = PostgresTimestamp.now.microseconds / 1_000_000
        request.setValue(signature.sign(body, at: seconds), forHTTPHeaderField: WebhookSignature.header)
        let status = try await client.send(request).status
        guard (200..<300).contains(status) else { throw WebhookRefused(status: status) }
    }
}

/// A webhook's receiver answered something else than a 2xx.
package struct WebhookRefused: Error, CustomStringConvertible {
    package var status: Int

    package var description: String { "the webhook answered \(status)" }
}
