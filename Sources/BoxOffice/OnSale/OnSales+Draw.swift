internal import Postgres

/// Why something that belongs to a draw can't be filed.
package enum DrawFilingProblem: Error, Sendable, Equatable {
    /// Usher keeps the secret, or no beacon was announced.
    case notAwaited
    /// The entries are not sealed, or the beacon's time has not come.
    case tooEarly
    /// The draw is made, or gave it up.
    case tooLate
    /// It was filed before.
    case filedAlready
    /// The secret is not what was committed to.
    case notCommittedTo
}

extension OnSales {
    /// Hands in the secret that the promoter kept.
    ///
    /// It can be done once the entries are sealed and before the beacon's value exists, so that nobody can hand it in
    /// or withhold it for the order's sake. It is not shown before the draw.
    ///
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` unless the room is open; ``DrawFilingProblem``.
    package func reveal(_ id: OnSaleID, secret: [UInt8], by actor: String) async throws {
        try await filing(id) { ceremony, commitment, now, tx in
            guard ceremony.keeper == .promoter else { throw DrawFilingProblem.notAwaited }
            guard ceremony.rootedAt != nil, let revealBy = ceremony.revealBy else {
                throw DrawFilingProblem.tooEarly
            }
            guard ceremony.revealedAt == nil else { throw DrawFilingProblem.filedAlready }
            guard now < revealBy else { throw DrawFilingProblem.tooLate }
            guard Commitment.to(secret) == commitment else { throw DrawFilingProblem.notCommittedTo }
            try await tx.pipeline([
                Query(
                    "draw.keep_secret",
                    "UPDATE on_sales SET draw_secret = \(secret) WHERE on_sale_id = \(id.rawValue)"
                ),
                Query(
                    "draw.revealed",
                    "UPDATE draws SET revealed_at = usher_now() WHERE on_sale_id = \(id.rawValue)"
                ),
            ])
            try await AuditTrail.append("reveal", on: id, by: actor, detail: [:], in: &tx)
        }
    }

    /// Files the value that was announced as the beacon.
    ///
    /// - Parameters:
    ///   - id: Which on-sale.
    ///   - value: The text whose UTF-8 goes into the key.
    ///   - proof: Where everyone can find it, in words or as an address.
    ///   - actor: Who files it, for the audit.
    /// - Throws: `OnSaleProblem.unknown`, `.wrongState` unless the room is open; ``DrawFilingProblem``.
    package func fileBeacon(_ id: OnSaleID, value: String, proof: String, by actor: String) async throws {
        try await filing(id) { ceremony, _, now, tx in
            guard case .announced = ceremony.beacon else { throw DrawFilingProblem.notAwaited }
            guard let due = ceremony.due, let by = ceremony.beaconBy, now >= due.at else {
                throw DrawFilingProblem.tooEarly
            }
            guard ceremony.value == nil else { throw DrawFilingProblem.filedAlready }
            guard now < by else { throw DrawFilingProblem.tooLate }
            try await tx.execute(Sealing.take(id, Array(value.utf8), proof: proof))
            let detail: [String: PlanValue] = ["value": .string(value), "proof": .string(proof)]
            try await AuditTrail.append("beacon", on: id, by: actor, detail: detail, in: &tx)
        }
    }

    /// Files something that the draw waits for, and tells the lifecycle.
    private func filing(
        _ id: OnSaleID,
        _ file: (DrawCeremony, [UInt8], PostgresTimestamp, inout Transaction) async throws -> Void
    ) async throws {
        try await changing(id) { gate, tx in
            try gate.require([.prequeue])
            let row = try await tx.first(
                Query(
                    "draw.filing",
                    """
                    UPDATE on_sales SET revision = revision + 1, seq = seq + 1 WHERE on_sale_id = \(id.rawValue)
                    RETURNING commitment
                    """
                )
            )
            guard let row else { throw OnSaleProblem.unknown }
            try await file(try await DrawCeremony.read(id, in: &tx), try row[0], gate.now, &tx)
        }
    }
}
