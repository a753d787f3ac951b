import Postgres
import Reactor
import TestSupport

/// One cell of the kill matrix: an errand, a process that stands at one of its commit points, and what befalls it.
struct KillCell: Sendable {
    let point: CommitPoint
    let position: Position
    let fault: Fault
    let seed: UInt64

    static let schema = "proof"
    static let template = "proof_template"

    /// Every cell, in no order that means anything.
    static func all(seed: UInt64) -> [KillCell] {
        var cells: [KillCell] = []
        for point in CommitPoint.allCases {
            for position in Position.allCases where position != .inside || point == .step {
                for fault in Fault.allCases {
                    cells.append(
                        KillCell(
                            point: point,
                            position: position,
                            fault: fault,
                            seed: seed &+ UInt64(cells.count)
                        )
                    )
                }
            }
        }
        return cells
    }

    var name: String { "\(position) \(point), \(fault)" }

    /// Plays it, and tells what is to be said of it; `crash` takes the server down and brings it back.
    func play(_ cluster: TestCluster, crash: @Sendable () async throws -> Void) async throws -> String {
        let start = MonotonicTime.now
        let copy = "cell_\(point)_\(position)_\(fault)".lowercased()
        return try await cluster.withCopy(
            copy,
            of: Self.template,
            schema: Self.schema,
            pool: .init(maximum: 12)
        ) { database in
            let proxy = try TestProxy(to: cluster.port)
            let url = cluster.url(copy, port: proxy.port)
            let told = try await KillStage(self, database, proxy, actorURL: url).play(crash)
            return "\(name): \(told); \(Int((MonotonicTime.now - start).milliseconds)) ms"
        }
    }
}
