import Jobs
import Postgres

@testable import Workflows

/// Holds goods, waits to be paid, then confirms or releases: what the history checker watches.
///
/// Its SQL asks nothing of the run's state, so that a step that came twice, or too late, would leave its trace.
struct Deal: Workflow {
    static let name = "deal"
    static let paid = EventKey<Bool>("paid")
    static let retry = RetryPolicy.fixed(.milliseconds(50), max: 10_000)

    struct Input: Codable, Sendable {
        var sku: Int
        var quantity: Int
        /// How long it waits; nil is until it is paid.
        var patience: Int?
        /// Whether its steps are its own, and not the cohort's.
        var isAlone: Bool
    }

    func run(_ context: WorkflowContext, _ input: Input) async throws -> String {
        @Sendable func move(_ operation: Operation) -> Move {
            Move(
                operation: operation,
                run: context.runID,
                epoch: context.activation.job.epoch,
                sku: Int32(input.sku),
                quantity: Int32(input.quantity)
            )
        }
        let held: Bool
        if input.isAlone {
            held = try await context.step("hold") { tx in try await Move.record([move(.hold)], in: &tx)[0] }
        } else {
            held = try await context.step(HoldGoods(move: move(.hold)))
        }
        guard held else { return "refused" }
        let isPaid: Bool
        if let patience = input.patience {
            isPaid = try await context.first(on(Self.paid) { $0 }, after(.milliseconds(patience)) { false })
        } else {
            isPaid = try await context.first(on(Self.paid) { $0 })
        }
        let last = move(isPaid ? .confirm : .release)
        if input.isAlone {
            try await context.step("end") { tx in _ = try await Move.record([last], in: &tx) }
        } else if isPaid {
            try await context.step(Confirm(move: last))
        } else {
            try await context.step(Release(move: last))
        }
        return isPaid ? "sold" : "released"
    }
}

/// What can happen to goods.
enum Operation: String, Sendable {
    case hold, confirm, release
    /// A hold that found too little.
    case refuse
}

/// One line to write: who, under which claim, does what with what.
struct Move: Sendable {
    let operation: Operation
    let run: JobID
    let epoch: Int32
    let sku: Int32
    let quantity: Int32

    /// Does moves of one kind, and appends each to the history with what it left behind.
    ///
    /// The row of the goods is locked from here to the commit, so its version counts the commits in their order.
    ///
    /// - Returns: of each whether it was granted.
    static func record(_ moves: [Move], in transaction: inout Transaction) async throws -> [Bool] {
        guard let operation = moves.first?.operation else { return [] }
        let rows = try await transaction.query(
            Query(
                "history_move",
                """
                WITH asked AS MATERIALIZED (
                    SELECT * FROM unnest(
                        \(moves.map(\.run.rawValue)), \(moves.map(\.epoch)), \(moves.map(\.sku)),
                        \(moves.map(\.quantity))
                    ) WITH ORDINALITY AS a (run, epoch, sku, quantity, ord)
                ), goods AS MATERIALIZED (
                    SELECT * FROM shelves WHERE sku IN (SELECT sku FROM asked) ORDER BY sku FOR NO KEY UPDATE
                ), decided AS MATERIALIZED (
                    SELECT a.*, g.free, g.held, g.sold,
                        g.version + row_number() OVER (PARTITION BY a.sku ORDER BY a.ord) AS version,
                        CASE WHEN \(operation.rawValue) = 'hold' AND g.free <
                            sum(a.quantity) OVER (PARTITION BY a.sku ORDER BY a.ord) THEN 0 ELSE a.quantity
                        END AS moved
                    FROM asked a JOIN goods g ON g.sku = a.sku
                ), summed AS MATERIALIZED (
                    SELECT d.*, sum(moved) OVER (PARTITION BY sku ORDER BY ord) AS upto FROM decided d
                ), noted AS (
                    INSERT INTO history (sku, version, run, epoch, op, quantity, free, held, sold)
                    SELECT sku, version, run, epoch,
                        CASE WHEN moved = 0 THEN 'refuse' ELSE \(operation.rawValue) END, moved,
                        free + upto * \(operation.change.free), held + upto * \(operation.change.held),
                        sold + upto * \(operation.change.sold)
                    FROM summed
                ), updated AS (
                    UPDATE shelves s SET version = m.version,
                        free = s.free + m.moved * \(operation.change.free),
                        held = s.held + m.moved * \(operation.change.held),
                        sold = s.sold + m.moved * \(operation.change.sold)
                    FROM (SELECT sku, max(version) AS version, sum(moved) AS moved FROM summed GROUP BY sku) m
                    WHERE s.sku = m.sku
                )
                SELECT moved > 0 FROM summed ORDER BY ord
                """
            )
        )
        return try rows.map { try $0[0] }
    }
}

extension Operation {
    /// What one piece of the goods does to the three heaps.
    var change: (free: Int64, held: Int64, sold: Int64) {
        switch self {
        case .hold: (-1, 1, 0)
        case .confirm: (0, -1, 1)
        case .release: (1, -1, 0)
        case .refuse: (0, 0, 0)
        }
    }
}

/// A move that a cohort does as one.
private protocol MoveStep: CohortStep where Output == Bool {
    var move: Move { get }
}

extension MoveStep {
    static func perform(
        _ batch: [CohortMember<Self>],
        in transaction: inout Transaction
    ) async throws -> [Bool] {
        try await Move.record(batch.map(\.step.move), in: &transaction)
    }
}

private struct HoldGoods: MoveStep {
    static let name = "hold"
    let move: Move
}

private struct Confirm: MoveStep {
    static let name = "confirm"
    let move: Move
}

private struct Release: MoveStep {
    static let name = "release"
    let move: Move
}
