import BoxOffice
import Foundation
import HTTP
import Reactor
import Telemetry
import TestSupport
import Testing

@testable import usher

@Suite("Paying over the wire", .timeLimit(.minutes(1)))
struct PSPServerTests {
    /// A payment server and somebody who takes its callbacks.
    private func withServer(
        _ behaviour: PSPBehaviour = PSPBehaviour(lateSeconds: 0.1),
        timeout: Duration = .seconds(5),
        taking: @escaping @Sendable (HTTPRequest) -> HTTPResponse = { _ in .text("ok") },
        _ body: (HTTPPaymentProvider) async throws -> Void
    ) async throws {
        let loops = try TestLoops.shared.get()
        let taker = HTTPServer(loops: loops) { .now(taking($0)) }
        let takerPort = try await taker.start(address: "127.0.0.1", port: 0)
        let target = PSPServer.CallbackTarget(
            endpoint: HTTPEndpoint(host: "127.0.0.1", port: takerPort),
            path: "/v1/payments/callback",
            secret: "s"
        )
        let psp = PSPServer(
            behaviour: behaviour,
            apiKey: "key",
            target: target,
            loops: loops,
            logger: Logger(label: "psp", level: .error)
        )
        let (server, port) = try await psp.start(address: "127.0.0.1", port: 0)
        let base = try #require(URL(string: "http://127.0.0.1:\(port)"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await psp.run() }
            try await body(HTTPPaymentProvider(base: base, apiKey: "key", timeout: timeout))
            group.cancelAll()
        }
        await server.drain(deadline: .milliseconds(100))
        await taker.drain(deadline: .milliseconds(100))
    }

    private func request(_ reference: String, _ method: String = "tok_good") -> PaymentRequest {
        PaymentRequest(reference: reference, amount: 2_500, currency: "EUR", method: method)
    }

    @Test func `Authorise, capture, refund, and ask`() async throws {
        try await withServer { provider in
            let made = try await provider.authorise(request("a.1"), idempotencyKey: "a")
            #expect(made.state == .authorised && made.reference == "a.1" && !made.providerReference.isEmpty)
            #expect(try await provider.capture("a.1", idempotencyKey: "c").state == .captured)
            #expect(try await provider.refund("a.1", idempotencyKey: "r").state == .refunded)
            #expect(try await provider.status(of: "a.1")?.state == .refunded)
            #expect(try await provider.status(of: "a.2") == nil)
            #expect(
                try await provider.authorise(request("d.1", "tok_declined"), idempotencyKey: "d").state
                    == .declined
            )
            #expect(try await provider.void("v.1", idempotencyKey: "v").state == .voided)
            let error = await #expect(throws: PaymentError.self) {
                try await provider.capture("v.1", idempotencyKey: "vc")
            }
            #expect(error?.code == .refused)
        }
    }

    @Test func `An answer that does not come is an error, and the question can be put again`() async throws {
        try await withServer(PSPBehaviour(silenceSeconds: 20), timeout: .seconds(1)) { provider in
            let error = await #expect(throws: PaymentError.self) {
                try await provider.authorise(request("t.1", "tok_timeout"), idempotencyKey: "t")
            }
            #expect(error?.code == .unreachable)
            let known = try await provider.status(of: "t.1")
            #expect(known?.state == .authorised)
            let again = try await provider.authorise(request("t.1", "tok_timeout"), idempotencyKey: "t")
            #expect(again == known)
        }
    }

    @Test func `Nobody there is an error`() async throws {
        let base = try #require(URL(string: "http://127.0.0.1:9"))
        let provider = HTTPPaymentProvider(base: base, apiKey: "key", timeout: .seconds(1))
        let error = await #expect(throws: PaymentError.self) { try await provider.status(of: "x.1") }
        #expect(error?.code == .unreachable)
    }

    @Test func `Callbacks are signed, come twice when they should, and again until they are taken`()
        async throws
    {
        let (bodies, seen) = AsyncStream<String>.makeStream()
        let refusals = Lock(2)
        let signature = WebhookSignature(secret: "s")
        try await withServer { request in
            // The first two are refused: the server must send them again.
            let refuse = refusals.withLock { left in
                left -= 1
                return left >= 0
            }
            if refuse { return HTTPResponse(status: 503) }
            let header = request.headers[WebhookSignature.header] ?? ""
            let now = Int64(Date().timeIntervalSince1970)
            #expect(signature.verify(header, request.body, at: now))
            seen.yield(String(decoding: request.body, as: UTF8.self))
            return .text("ok")
        } _: { provider in
            #expect(
                try await provider.authorise(request("l.1", "tok_late"), idempotencyKey: "l").state
                    == .pending
            )
            _ = try await provider.authorise(request("u.1", "tok_duplicate"), idempotencyKey: "u")
            var references: [String] = []
            for await body in bodies {
                let value = try JSONValue(parsing: Array(body.utf8))
                #expect(value["state"]?.string == "authorised")
                references.append(value["reference"]?.string ?? "")
                if references.count == 3 { break }
            }
            #expect(references.sorted() == ["l.1", "u.1", "u.1"])
        }
    }

    @Test func `Many calls at once share one session`() async throws {
        try await withServer { provider in
            let states = try await withThrowingTaskGroup(of: PaymentReport.State.self) { group in
                for index in 0..<300 {
                    group.addTask {
                        let reference = "m\(index).1"
                        _ = try await provider.authorise(request(reference), idempotencyKey: "a\(index)")
                        return try await provider.capture(reference, idempotencyKey: "c\(index)").state
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(states.count == 300 && states.allSatisfy { $0 == .captured })
        }
    }

    @Test func `A signed webhook reaches its receiver, and a refusal is an error`() async throws {
        let loops = try TestLoops.shared.get()
        let signature = WebhookSignature(secret: "w")
        let server = HTTPServer(loops: loops) { request in
            let value = try? JSONValue(parsing: request.body)
            let now = Int64(Date().timeIntervalSince1970)
            guard signature.verify(request.headers[WebhookSignature.header] ?? "", request.body, at: now),
                value?["kind"]?.string == "sold", value?["id"]?.int == 7,
                value?["payload"]?["tier"]?.string == "floor", value?["recipient"]?.string == "ad_\"1"
            else { return .now(HTTPResponse(status: 400)) }
            return .now(HTTPResponse(status: 204))
        }
        let port = try await server.start(address: "127.0.0.1", port: 0)
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/hook"))
        let message = OutgoingMessage(id: 7, kind: "sold", recipient: "ad_\"1", payload: #"{"tier":"floor"}"#)
        try await SignedWebhookChannel(url: url, secret: "w").deliver(message)
        await #expect(throws: WebhookRefused.self) {
            try await SignedWebhookChannel(url: url, secret: "other").deliver(message)
        }
        await server.drain(deadline: .milliseconds(100))
    }
}
