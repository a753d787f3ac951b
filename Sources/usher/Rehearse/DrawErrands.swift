internal import BoxOffice
internal import HTTP

/// What a rehearsed draw still waits for.
struct DrawErrands: Sendable {
    private var secret: [UInt8]?
    private var beacon: String?

    /// - Parameters:
    ///   - plan: As it is rehearsed.
    ///   - secret: What was committed to.
    init(_ plan: RehearsalPlan, secret: [UInt8]) {
        guard plan.draw == .prompt else { return }
        self.secret = plan.plan.draw.commitment == nil ? nil : secret
        beacon = plan.plan.draw.beacon == .none ? nil : Hex.encode(secret)
    }

    /// Files what can be filed by now.
    mutating func run(_ onSale: OnSaleID, _ onSales: OnSales) async throws {
        do {
            if let some = secret {
                try await onSales.reveal(onSale, secret: some, by: "rehearsal")
                secret = nil
            }
            if let some = beacon {
                try await onSales.fileBeacon(onSale, value: some, proof: "rehearsed", by: "rehearsal")
                beacon = nil
            }
        } catch DrawFilingProblem.tooEarly {
            // It is tried again in a second.
        }
    }
}
