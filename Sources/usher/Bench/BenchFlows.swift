internal import Jobs
internal import Postgres
internal import Workflows

/// What `usher bench workflow` runs: workflows whose steps do nothing, so that what is measured is the engine.
enum BenchFlows {
    static let queue = BenchJob.queue

    /// Registers them all.
    static func register(in registry: inout WorkflowRegistry) {
        registry.register(Steps())
        registry.register(Hold())
        registry.register(FanOut())
        registry.register(Leaf())
        registry.register(Remembering())
    }

    /// Some steps of a kind, one after the other.
    struct Steps: Workflow {
        static let name = "bench.steps"
        static var queue: String { BenchFlows.queue }

        enum Kind: String, Codable, Sendable, CaseIterable { case transactional, cohort, effect }

        struct Input: Codable, Sendable {
            var kind: Kind
            var count: Int
        }

        func run(_ context: WorkflowContext, _ input: Input) async throws -> Int {
            var sum = 0
            for number in 0..<input.count {
                switch input.kind {
                case .transactional: sum += try await context.step("step") { _ in number }
                case .cohort: sum += try await context.step(Together(number: number))
                case .effect: sum += try await context.effect("step") { _ in number }
                }
            }
            return sum
        }
    }

    private struct Together: CohortStep {
        static let name = "step"
        let number: Int

        static func perform(
            _ batch: [CohortMember<Together>],
            in transaction: inout Transaction
        ) async throws -> [Int] {
            batch.map(\.step.number)
        }
    }

    /// Hold, wait, confirm or let go, done.
    struct Hold: Workflow {
        static let name = "bench.hold"
        static var queue: String { BenchFlows.queue }
        static let paid = EventKey<Int>("paid")
        static let function = "bench_release"

        struct Input: Codable, Sendable {
            /// When the hold ends, in microseconds since 1970.
            var until: Int64
            /// Whether it ends by a function of SQL.
            var byFunction: Bool
        }

        private struct Release: TimerTransition {
            static var function: String { Hold.function }
            var quantity: Int
        }

        func run(_ context: WorkflowContext, _ input: Input) async throws -> Int {
            try await context.step("hold") { _ in }
            let end = PostgresTimestamp(microseconds: input.until)
            let payment: Int? = try await context.first(
                on(Self.paid) { $0 },
                input.byFunction ? expires(at: end, by: Release(quantity: 1)) : until(end) { nil }
            )
            guard let payment else {
                try await context.step("let go") { _ in }
                return 0
            }
            try await context.step("confirm") { _ in }
            return payment
        }
    }

    /// Starts children, and waits for all of them.
    struct FanOut: Workflow {
        static let name = "bench.fan_out"
        static var queue: String { BenchFlows.queue }

        func run(_ context: WorkflowContext, _ count: Int) async throws -> Int {
            try await context.children(Leaf.self, Array(0..<count)).reduce(0) { try $0 + $1.get() }
        }
    }

    struct Leaf: Workflow {
        static let name = "bench.leaf"
        static var queue: String { BenchFlows.queue }

        func run(_ context: WorkflowContext, _ number: Int) async throws -> Int { number }
    }

    /// A long history, and some waits behind it, at each of which all of it is replayed.
    struct Remembering: Workflow {
        static let name = "bench.remembering"
        static var queue: String { BenchFlows.queue }
        static let waits = 5
        static let on = EventKey<Int>("on")

        func run(_ context: WorkflowContext, _ count: Int) async throws -> Int {
            for number in 0..<count { try await context.step("step") { _ in number } }
            for number in 1...Self.waits {
                try await context.first(Workflows.on(Self.on.numbered(number)) { $0 })
            }
            return count
        }
    }
}
