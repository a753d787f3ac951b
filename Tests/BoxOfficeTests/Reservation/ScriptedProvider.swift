import Reactor

@testable import BoxOffice

/// A payment provider in memory whose behaviour the payment method chooses, and which keeps count.
///
/// `good`, `declined`, `pending` (until ``decide(_:_:)``), `silent` (authorised, but the answers to the authorisation
/// are lost), `dead` (authorised, and then nothing is answered any more), `uncapturable`.
final class ScriptedProvider: PaymentProvider {
    struct Account: Sendable, Equatable {
        var state: PaymentReport.State
        var method: String
        var captures = 0
        var voids = 0
        var refunds = 0
    }

    private let accounts = Lock<[String: Account]>([:])

    var all: [String: Account] { accounts.withLock { $0 } }

    func decide(_ reference: String, _ state: PaymentReport.State) -> PaymentReport {
        accounts.withLock { $0[reference]?.state = state }
        return PaymentReport(reference: reference, providerReference: "p-\(reference)", state: state)
    }

    func authorise(_ request: PaymentRequest, idempotencyKey: String) async throws -> PaymentReport {
        let state: PaymentReport.State =
            switch request.method {
            case "declined": .declined
            case "pending": .pending
            default: .authorised
            }
        let account = accounts.withLock { accounts in
            let account = accounts[request.reference] ?? Account(state: state, method: request.method)
            accounts[request.reference] = account
            return account
        }
        if account.method == "silent" || account.method == "dead" { throw Self.lost }
        return report(request.reference, account)
    }

    func capture(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try change(reference) { account throws(PaymentError) in
            if account.method == "uncapturable" {
                throw PaymentError(code: .refused, message: "not this one")
            }
            guard account.state == .authorised || account.state == .captured else { throw Self.refused }
            if account.state == .authorised { account.captures += 1 }
            account.state = .captured
        }
    }

    func void(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try change(reference) { account throws(PaymentError) in
            guard account.state != .captured, account.state != .refunded else { throw Self.refused }
            account.voids += 1
            account.state = .voided
        }
    }

    func refund(_ reference: String, idempotencyKey: String) async throws -> PaymentReport {
        try change(reference) { account throws(PaymentError) in
            guard account.state == .captured || account.state == .refunded else { throw Self.refused }
            if account.state == .captured { account.refunds += 1 }
            account.state = .refunded
        }
    }

    func status(of reference: String) async throws -> PaymentReport? {
        guard let account = all[reference] else { return nil }
        if account.method == "dead" { throw Self.lost }
        return report(reference, account)
    }

    private static let lost = PaymentError(code: .unreachable, message: "no answer")
    private static let refused = PaymentError(code: .refused, message: "wrong state")

    private func change(
        _ reference: String,
        _ body: (inout Account) throws(PaymentError) -> Void
    ) throws -> PaymentReport {
        try accounts.withLock { accounts in
            var account = accounts[reference] ?? Account(state: .voided, method: "")
            try body(&account)
            accounts[reference] = account
            return report(reference, account)
        }
    }

    private func report(_ reference: String, _ account: Account) -> PaymentReport {
        PaymentReport(reference: reference, providerReference: "p-\(reference)", state: account.state)
    }
}
