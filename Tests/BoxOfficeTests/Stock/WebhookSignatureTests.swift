import Testing

@testable import BoxOffice

@Suite("Signed webhooks", .timeLimit(.minutes(5)))
struct WebhookSignatureTests {
    private let signature = WebhookSignature(secret: "s3cret")
    private let body = Array(#"{"state":"authorised"}"#.utf8)

    @Test func `A signature fits its body, its secret and its time`() {
        let header = signature.sign(body, at: 1_000)
        #expect(signature.verify(header, body, at: 1_010))
        #expect(!signature.verify(header, body + [32], at: 1_010))
        #expect(!WebhookSignature(secret: "other").verify(header, body, at: 1_010))
        #expect(!signature.verify(header, body, at: 2_000))
        #expect(!signature.verify(header.replacing("t=1000", with: "t=1009"), body, at: 1_010))
    }

    @Test(arguments: [
        "", "t=", "v1=00", "t=1000", "t=x,v1=00", "t=1000,v1=", "t=9223372036854775807,v1=00", ",,,",
    ])
    func `Nonsense is no signature`(header: String) {
        #expect(!signature.verify(header, body, at: 1_000))
    }

    @Test func `A reference is read back, and nothing else is`() {
        let reference = PaymentReference(reservation: ReservationID(rawValue: 4_711), attempt: 3)
        #expect(PaymentReference(reference.text) == reference)
        for text in ["", "rs_1", "rs_1.", "rs_1.0", "rs_1.01", "rs_1.1.1", "os_1.1", "rs_1.-1", "rs_1.99999"]
        {
            #expect(PaymentReference(text) == nil, "\(text)")
        }
    }
}
