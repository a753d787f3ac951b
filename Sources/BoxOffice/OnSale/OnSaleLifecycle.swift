package import Jobs
internal import Postgres
package import Workflows

/// Takes one on-sale through its life: opens the room, seals and draws at the start, closes at the end.
package struct OnSaleLifecycle: Workflow {
    package static let name = "on_sale"

    /// An on-sale is never given up: whatever fails is tried again within seconds.
    package static let retry = RetryPolicy(maxAttempts: .max, base: .milliseconds(200), maxDelay: .seconds(5))

    /// Sent, numbered by revision, when times have changed or the on-sale was called off.
    package static let changed = EventKey<Bool>("changed")

    package struct Input: Codable, Sendable {
        package let onSale: OnSaleID
        package init(onSale: OnSaleID) { self.onSale = onSale }
    }

    package init() {}

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> OnSaleState {
        while true {
            let now = try await context.step("advance") { tx in
                try await OnSaleProgress.advance(input.onSale, in: &tx)
            }
            if now.drawn {
                _ = try await context.start(
                    AdmissionTick.self,
                    AdmissionTick.Input(onSale: input.onSale),
                    key: "admission:\(input.onSale)"
                )
            }
            guard let next = now.next else { return now.state }
            try await context.first(on(Self.changed.numbered(now.revision + 1)) { _ in }, until(next) {})
        }
    }
}
