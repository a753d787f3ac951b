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

    private let beacons: any BeaconSource

    /// - Parameter beacons: Where the values of beacons are read.
    package init(beacons: any BeaconSource = DrandBeacon()) { self.beacons = beacons }

    package func run(_ context: WorkflowContext, _ input: Input) async throws -> OnSaleState {
        while true {
            let now = try await context.step("advance") { tx in
                try await OnSaleProgress.advance(input.onSale, in: &tx)
            }
            if now.drawn {
                _ = try await context.start(
                    AdmissionTick.self,
                    AdmissionTick.Input(onSale: input.onSale),
                    key: AdmissionTick.key(input.onSale)
                )
                // An on-sale that was drawn before there were such messages is on the old side.
                if try await context.version(of: "everyone is told their number") == 1 {
                    let telling = TellEveryone.Input(onSale: input.onSale, kind: .drawn)
                    _ = try await context.start(TellEveryone.self, telling, key: telling.key)
                }
            }
            if let request = now.fetch {
                let answer = try await context.effect("beacon") { _ in await beacons.value(of: request) }
                if case .value(let value, let proof) = answer {
                    try await context.step("take beacon") { tx in
                        _ = try await OnSaleGate.lock(input.onSale, in: &tx)
                        try await tx.execute(Sealing.take(input.onSale, value, proof: proof))
                    }
                    continue
                }
            }
            guard let next = now.next else { return now.state }
            try await context.first(on(Self.changed.numbered(now.revision + 1)) { _ in }, until(next) {})
        }
    }
}
