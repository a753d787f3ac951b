internal import BoxOffice

/// `usher verify`: makes a published draw again, from what anybody can read.
enum VerifyCommand {
    static let receipt = Option(
        "receipt",
        .text("RECEIPT"),
        help: "A receipt (rc_...) whose entry is looked for among the published ones"
    )

    static let command = Command(
        "verify",
        "Make the draw of an on-sale again from what is published",
        discussion: """
            URL is the on-sale's address, such as https://tickets.example/v1/on-sales/os_7; no key and no database is
            needed. One line per check; status 1 when one fails. docs/fairness.md says what is checked.
            """,
        options: [receipt],
        operands: [.init(name: "URL", help: "The on-sale's address")]
    ) { invocation in
        let claimed: JoinReceipt?
        do {
            claimed = try invocation.arguments.text(receipt).map { try JoinReceipt(unchecked: $0) }
        } catch {
            throw Failure("--receipt takes what joining answered as \"receipt\" (rc_...)")
        }
        var verification = try await verification(of: invocation.arguments.operands[0])
        if let claimed { verification.check(claimed.entry, blinding: claimed.blinding) }
        for finding in verification.findings { print(finding.isFine ? "ok    " : "BROKEN", finding.text) }
        guard verification.isFine else { throw Failure("the draw does not check out") }
    }

    /// Makes the draw of an on-sale again from what its address publishes.
    ///
    /// - Throws: ``Failure`` when it can't be read.
    static func verification(of address: String) async throws -> DrawVerification {
        do {
            let download = DrawDownload(onSale: address)
            let published = try await download.published()
            let entries = try await download.entries(of: published)
            return DrawVerification(published, leaves: entries.leaves, priorities: entries.priorities)
        } catch let problem as DrawDownload.Problem {
            throw Failure(problem.description)
        }
    }
}
