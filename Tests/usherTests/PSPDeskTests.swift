import HTTP
import Testing

@testable import usher

@Suite("The stand-in payment server", .timeLimit(.minutes(5)))
struct PSPDeskTests {
    private var desk = PSPDesk(behaviour: PSPBehaviour(), apiKey: "secret")

    private func request(
        _ method: HTTPMethod,
        _ path: String,
        key: String = "k",
        _ body: String = "{}"
    ) -> HTTPRequest {
        HTTPRequest(
            method,
            path,
            headers: ["Authorization": "Bearer secret", "Idempotency-Key": key],
            body: Array(body.utf8)
        )
    }

    private func payment(_ reference: String, method: String = "tok_good", amount: Int = 500) -> String {
        #"{"reference":"\#(reference)","amount":\#(amount),"currency":"EUR","payment_method":"\#(method)"}"#
    }

    private func state(_ answer: PSPDesk.Answer) throws -> String? {
        try JSONValue(parsing: answer.response.body)["state"]?.string
    }

    @Test mutating func `An authorisation is made once, captured once and refunded once`() throws {
        let made = desk.handle(request(.post, "/payments", key: "a", payment("r.1")))
        #expect(made.response.status == 201)
        #expect(made.callbacks == [.init(reference: "r.1", after: 0.1)])
        let again = desk.handle(request(.post, "/payments", key: "a", payment("r.1")))
        #expect(again.response.status == 200 && again.callbacks.isEmpty)
        for _ in 0..<2 {
            #expect(try state(desk.handle(request(.post, "/payments/r.1/capture", key: "c"))) == "captured")
        }
        for _ in 0..<2 {
            #expect(try state(desk.handle(request(.post, "/payments/r.1/refund", key: "r"))) == "refunded")
        }
        let payment = try #require(desk.ledger.payments["r.1"])
        #expect(payment.captures == 1 && payment.refunds == 1)
    }

    @Test mutating func `A void forbids a capture, and an authorisation that comes after it`() throws {
        #expect(try state(desk.handle(request(.post, "/payments/r.2/void", key: "v"))) == "voided")
        #expect(try state(desk.handle(request(.post, "/payments", key: "a", payment("r.2")))) == "voided")
        #expect(desk.handle(request(.post, "/payments/r.2/capture", key: "c")).response.status == 409)
    }

    @Test mutating func `A late payment is pending until its callback, unless it was voided`() throws {
        let made = desk.handle(request(.post, "/payments", key: "a", payment("r.3", method: "tok_late")))
        #expect(try state(made) == "pending")
        #expect(made.callbacks.map(\.after) == [8])
        let first = desk.callback(for: "r.3")
        let body = try #require(first)
        #expect(try JSONValue(parsing: body)["state"]?.string == "authorised")
        _ = desk.handle(request(.post, "/payments", key: "b", payment("r.4", method: "tok_late")))
        _ = desk.handle(request(.post, "/payments/r.4/void", key: "v"))
        let second = desk.callback(for: "r.4")
        let other = try #require(second)
        #expect(try JSONValue(parsing: other)["state"]?.string == "voided")
    }

    @Test mutating func `Fates of their own`() throws {
        #expect(
            try state(
                desk.handle(request(.post, "/payments", key: "1", payment("d", method: "tok_declined")))
            ) == "declined"
        )
        #expect(
            desk.handle(request(.post, "/payments", key: "2", payment("t", method: "tok_timeout"))).delay
                == 30
        )
        #expect(
            desk.handle(request(.post, "/payments", key: "2", payment("t", method: "tok_timeout"))).delay == 0
        )
        #expect(
            desk.handle(request(.post, "/payments", key: "3", payment("u", method: "tok_duplicate")))
                .callbacks.count == 2
        )
    }

    @Test mutating func `What makes no sense is refused`() {
        var stranger = request(.post, "/payments", payment("x"))
        stranger.headers = [:]
        #expect(desk.handle(stranger).response.status == 401)
        #expect(desk.handle(request(.post, "/payments", "{")).response.status == 400)
        #expect(desk.handle(request(.post, "/payments", "{}")).response.status == 422)
        #expect(desk.handle(request(.post, "/payments", key: "", payment("x"))).response.status == 400)
        #expect(desk.handle(request(.post, "/payments/none/capture")).response.status == 404)
        #expect(desk.handle(request(.get, "/payments/none")).response.status == 404)
        _ = desk.handle(request(.post, "/payments", key: "k1", payment("y")))
        #expect(
            desk.handle(request(.post, "/payments", key: "k2", payment("y", amount: 1))).response.status
                == 409
        )
        #expect(desk.handle(request(.post, "/payments/y/capture", key: "k1")).response.status == 422)
    }

    @Test func `Rates hold, and a seed repeats them`() {
        var behaviour = PSPBehaviour(declineRate: 0.2, timeoutRate: 0.1, duplicateRate: 0.3, lateRate: 0.05)
        let fates = (0..<20_000).map { behaviour.fate(of: "rs_\($0).1", method: "tok_visa") }
        #expect(abs(fates.count { $0.declines } - 4_000) < 300)
        #expect(abs(fates.count { $0.isSilent } - 2_000) < 250)
        #expect(abs(fates.count { $0.isDuplicated } - 6_000) < 350)
        #expect(abs(fates.count { $0.isLate } - 1_000) < 200)
        #expect(fates == (0..<20_000).map { behaviour.fate(of: "rs_\($0).1", method: "tok_visa") })
        behaviour.seed = 2
        #expect(fates != (0..<20_000).map { behaviour.fate(of: "rs_\($0).1", method: "tok_visa") })
    }
}
