internal import Glibc
internal import Postgres
internal import Reactor

/// Kills processes of a house while buyers are in it.
struct DemoChaos: Sendable {
    /// Whom it shoots at, once each.
    enum Victim: Sendable, CaseIterable {
        case worker, scheduler, gateway, consumers, database
    }

    let house: House
    let seed: UInt64
    let note: @Sendable (String) -> Void

    /// Kills one of each, in an order that the seed decides, with `pause` between two shots.
    ///
    /// - Returns: how many were killed.
    func run(pause: Duration) async -> Int {
        var dice = SeededDice(seed: seed, stream: -1)
        var kills = 0
        for victim in Victim.allCases.shuffled(using: &dice) {
            if let pid = await target(victim, &dice), kill(pid, SIGKILL) == 0 {
                kills += 1
                note("chaos: SIGKILL for the \(victim), process \(pid)")
            } else {
                note("chaos: there was no \(victim) to kill")
            }
            do {
                try await Task.sleep(for: pause)
            } catch {
                break
            }
        }
        return kills
    }

    private func target(_ victim: Victim, _ dice: inout SeededDice) async -> pid_t? {
        let running = await house.supervisor.running()
        func process(_ isMeant: (String) -> Bool) -> pid_t? {
            running.filter { isMeant($0.key.group) }.sorted { $0.key < $1.key }.randomElement(using: &dice)?
                .value
        }
        switch victim {
        case .worker: return process { $0.hasPrefix(House.GroupName.worker("")) }
        case .scheduler: return process { $0 == House.GroupName.scheduler }
        case .gateway: return process { $0 == House.GroupName.gateway }
        case .consumers: return process { $0 == House.GroupName.consumers }
        case .database:
            let rows = try? await house.postgres.query(
                Query(
                    "demo.backend",
                    """
                    SELECT pid FROM pg_stat_activity
                    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
                        AND datname = current_database() AND application_name LIKE 'usher%'
                    ORDER BY query_start DESC NULLS LAST LIMIT 1
                    """
                )
            )
            return try? rows?.first.map { try $0[0] as Int32 }
        }
    }
}
