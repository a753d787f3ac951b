package import Postgres

// Starting a run in the place of another that has its key.
extension JobStore {
    /// What to do about the run that has a key.
    package enum KeyDemand: Sendable {
        case leave
        case take
        /// End the run, and take it.
        case cancel
    }

    /// What became of a key.
    package enum KeyAnswer: Sendable {
        case left
        case taken
        /// Somebody else has it by now.
        case gone
    }

    /// Takes a key away from the run that has it, if that run's state allows it.
    ///
    /// Two that want it meet at the run's row, and the second finds the key gone. The run remembers the key, so that a
    /// redrive must take it back first.
    ///
    /// - Returns: what became of the key, and the queues that have got work by it.
    package func takeKey(
        _ key: String,
        from holder: JobID,
        in tx: inout Transaction,
        _ demand: (JobState) -> KeyDemand
    ) async throws -> (answer: KeyAnswer, woken: Set<String>) {
        let parents = try await tx.query(JobStatements.parents(of: [holder])).map {
            JobID(rawValue: try $0[0])
        }
        let rows = try await tx.query(JobStatements.lock(Set([holder] + parents).sorted()))
        var state = JobState.done
        for row in rows where try row[0] as Int64 == holder.rawValue {
            state = JobState(rawValue: try row[2]) ?? .done
        }
        // In a statement of its own, so that it sees what was committed while this waited.
        let held = try await tx.query(JobStatements.holdKey(key, of: holder))
        guard !held.isEmpty else { return (.gone, []) }
        var woken: Set<String> = []
        switch demand(state) {
        case .leave: return (.left, [])
        case .take: break
        case .cancel:
            let deadline = Duration.seconds(30)
            woken = try await Self.cancel([holder], within: deadline, "replaced by another start", in: &tx)
                .woken
            woken.insert(ReadyNotifier.cancellations)
        }
        _ = try await tx.execute(JobStatements.dropKey(key, of: holder))
        return (.taken, woken)
    }
}

extension JobStatements {
    /// Locks a key that a job has.
    ///
    /// Primary key of `job_keys`.
    static func holdKey(_ key: String, of holder: JobID) -> Query {
        Query(
            "job_keys_hold",
            "SELECT job_id FROM job_keys WHERE key = \(key) AND job_id = \(holder.rawValue) FOR UPDATE"
        )
    }

    /// Takes a key from a job whose row is locked.
    ///
    /// Primary keys of `job_keys` and `jobs`.
    static func dropKey(_ key: String, of holder: JobID) -> Query {
        Query(
            "job_keys_drop",
            """
            WITH gone AS (
                DELETE FROM job_keys WHERE key = \(key) AND job_id = \(holder.rawValue)
            )
            UPDATE jobs SET key_until_end = \(key) WHERE id = \(holder.rawValue)
            """
        )
    }
}
