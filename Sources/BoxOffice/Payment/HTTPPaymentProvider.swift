package import Foundation

#if canImport(FoundationNetworking)
internal import FoundationNetworking
#endif

/// A payment provider that speaks JSON over HTTP, such as `usher psp`.
///
/// One session is shared by all calls and keeps its connections. A call has one deadline over all of it; URLSession's
/// own timeout only counts silence.
package final class HTTPPaymentProvider: PaymentProvider {
    private let base: URL
    private let apiKey: String
    private let client: OutboundHTTP

    /// Makes an adapter.
    ///
    /// - Parameters:
    ///   - base: where the provider listens, such as `http://127.0.0.1:9100`.
    ///   - apiKey: what we prove ourselves with.
    ///   - timeout: how long one call may take.
    package init(base: URL, apiKey: String, timeout: Duration = .seconds(5)) {
        self.base = base
        self.apiKey = apiKey
        client = OutboundHTTP(timeout: timeout)
    }

    /// Sets the amount aside: `POST /payments`.
    package func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport {
        try await change("payments", body: JSONEncoder().encode(request), idempotencyKey)
    }

    /// Takes the amount: `POST /payments/{reference}/capture`.
    package func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try await change("payments/\(reference)/capture", body: Data("{}".utf8), idempotencyKey)
    }

    /// Gives an authorisation back: `POST /payments/{reference}/void`.
    package func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try await change("payments/\(reference)/void", body: Data("{}".utf8), idempotencyKey)
    }

    /// Gives captured money back: `POST /payments/{reference}/refund`.
    package func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try await change("payments/\(reference)/refund", body: Data("{}".utf8), idempotencyKey)
    }

    /// Asks where a payment stands: `GET /payments/{reference}`.
    package func status(of reference: String) async throws -> PaymentReport? {
        var request = URLRequest(url: base.appending(path: "payments/\(reference)"))
        request.setValue("Bearer \(apiKey)", forHTTPHeaderField: "Authorization")
        let (status, data) = try await send(request)
        return status == 404 ? nil : try Self.report(status, data)
    }

    private func change(_ path: String, body: Data, _ idempotencyKey: String) async throws -> PaymentReport {
        var request = URLRequest(url: base.appending(path: path))
        request.httpMethod = "POST"
        request.httpBody = body
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("Bearer \(apiKey)", forHTTPHeaderField: "Authorization")
        request.setValue(idempotencyKey, forHTTPHeaderField: "Idempotency-Key")
        let (status, data) = try await send(request)
        return try Self.report(status, data)
    }

    private func send(_ request: URLRequest) async throws -> (status: Int, body: Data) {
        do {
            return try await client.send(request)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw PaymentError(code: .unreachable, message: "\(error)")
        }
    }

    private static func report(_ status: Int, _ data: Data) throws -> PaymentReport {
        switch status {
        case 200..<300:
            do {
                return try JSONDecoder().decode(PaymentReport.self, from: data)
            } catch {
                throw PaymentError(
                    code: .malformed,
                    message: "answered \(status) with \(data.count) bytes that are no report"
                )
            }
        case 400..<500 where status != 408 && status != 429:
            throw PaymentError(code: .refused, message: String(decoding: data.prefix(200), as: UTF8.self))
        default:
            throw PaymentError(code: .failing, message: "answered \(status)")
        }
    }
}
