import HTTP
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice

/// What an operator does in a day, in the order in which it is done.
extension OperatorOnBoard {
    /// Finds the run of an on-sale, and the queue that it is on.
    func findingTheSale(_ onSale: String) async throws {
        try await go("runs?workflow=on_sale")
        try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 1")
        try await tab.click("#main tbody th a")
        try await tab.wait(for: "Run ", in: "h1")
        let number = try #require(onSale.split(separator: "_").last)
        try await tab.wait(for: String(number), in: "#main")
        try await tab.wait(for: "waiting", in: ".head .tag")
        try await look("sale")
        try await go("queues")
        try await tab.wait(until: "document.querySelector('tr[data-key=default]')")
        try await tab.wait(until: "document.querySelector('tr[data-key=reservations]')")
    }

    /// Holds a queue and lets it go, and gives a pool more workers.
    func queuesAndPools() async throws {
        try await house.database.client.execute(
            Query(
                "test.pool",
                "INSERT INTO pools (name, queues, wanted) VALUES ('parcels', '{parcels}', 1)"
            )
        )
        try await go("queues")
        try await order("[data-do=pauseQueue][data-name=parcels]")
        try await tab.wait(for: "paused", in: "tr[data-key=parcels] .tag")
        try await tab.click("#main [data-do=resumeQueue][data-name=parcels]")
        try await tab.wait(for: "open", in: "tr[data-key=parcels] .tag")
        try await go("workers")
        try await tab.wait(until: "document.querySelector('#scale-parcels')")
        try await look("workers")
        try await tab.fill("#scale-parcels", "3")
        try await order("[data-do=scalePool][data-name=parcels]")
        try await tab.wait(
            until: "document.querySelector('tr[data-key=parcels] td:nth-child(3)').innerText === '3'"
        )
    }

    /// Finds a failed run, reads it, and has it go on.
    func aFailedRun(_ van: Van) async throws {
        let failed = try await house.deliver(1)
        try await house.wait(for: failed, "failed")
        try await go("runs")
        try await tab.wait(for: "delivery", in: "#main table")
        try await look("runs")
        try await go("runs?state=failed")
        try await tab.click("#main tbody th a")
        try await tab.wait(for: "Run \(failed)", in: "h1")
        try await tab.wait(for: "the van does not start", in: ".note")
        #expect(try await tab.count(".bars .bar") >= 2)
        #expect(try await tab.text("#main [aria-label=Timeline]")?.contains("weigh") == true)
        try await look("run")
        van.isReady = true
        try await order("[data-action=retry]")
        try await tab.wait(for: "done", in: ".head .tag")
        #expect(try await tab.text("#main")?.contains("delivered 1") == true)
        van.isReady = false
    }

    /// Pauses, forks and cancels a run that waits.
    func aWaitingRun() async throws {
        let waiting = try await house.deliver(2, waits: true)
        try await house.wait(for: waiting, "waiting")
        try await go("run/\(waiting)")
        try await tab.wait(for: "event go", in: ".facts")
        try await order("[data-action=pause]")
        try await tab.wait(for: "paused", in: ".head .tag")
        try await tab.click("#main [data-action=resume]")
        try await tab.wait(for: "waiting", in: ".head .tag")
        try await order("[data-do=fork][data-step=weigh]")
        try await tab.wait(
            until:
                "location.hash !== '#run/\(waiting)' && document.querySelector('h1')?.innerText !== 'Run \(waiting)'"
        )
        try await tab.wait(for: "\(waiting)", in: ".facts")
        try await go("run/\(waiting)")
        try await tab.wait(for: "waiting", in: ".head .tag")
        // Whoever thinks better of it leaves it.
        try await tab.click("#main [data-action=cancel]")
        try await tab.wait(for: "This can't be undone", in: "dialog")
        try await check("dialog")
        try await tab.press("Escape")
        try await tab.wait(
            until:
                "!document.querySelector('dialog') && document.activeElement.dataset.action === 'cancel'"
        )
        #expect(try await house.operate(.get, "runs/\(waiting)")["run"]?["state"]?.string == "waiting")
        try await order("[data-action=cancel]")
        try await tab.wait(for: "cancelled", in: ".head .tag")
    }

    /// Has many and one dead letter done after all.
    func deadLetters(_ van: Van) async throws {
        var runs: [JobID] = []
        for number in 0..<3 { runs.append(try await house.deliver(number)) }
        for number in 0..<3 { _ = try await house.workflows.store.enqueue([NewJob(Stamp.self, number)]) }
        for run in runs { try await house.wait(for: run, "failed") }
        _ = try await house.operate("dead-letters?name=stamp") { $0["dead_letters"]?.array?.count == 3 }
        try await go("queues")
        try await tab.wait(
            until: "document.querySelector('tr[data-key=parcels] td:nth-child(9)')?.innerText === '6'"
        )
        try await look("queues")
        van.isReady = true
        // Every number is a link to what it counts.
        try await tab.click("tr[data-key=parcels] td:nth-child(9) a")
        try await tab.wait(for: "Redrive all", in: "#main")
        try await look("dead-letters")
        try await tab.fill("#filter-name", "stamp")
        try await tab.click("#main form button")
        try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 3")
        try await order("[data-do=redrive]")
        try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 2")
        try await order("[data-do=redriveAll]")
        try await tab.wait(for: "2 of 2 dead letters changed", in: ".toasts")

        try await go("runs?workflow=delivery&state=failed")
        try await tab.click("#main [data-do=bulk][data-action=retry]")
        try await tab.wait(for: "Retry 3 runs?", in: "dialog")
        try await tab.wait(for: "of the workflow delivery, that are failed", in: "dialog")
        try await check("bulk dialog")
        try await tab.click("dialog button[value=yes]")
        try await tab.wait(for: "3 of 3 runs changed", in: ".toasts")
        for run in runs { try await house.wait(for: run, "done") }
        try await go("jobs?name=stamp")
        try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 3")
        try await look("jobs")
        try await tab.click("#main tbody th a")
        try await tab.wait(for: "Job ", in: "h1")
        try await look("job")
    }

    /// Looks at what is kept, reads what was done, and goes home.
    func evening() async throws {
        try await go("promises")
        let count = PromiseChecks.names.count
        try await tab.wait(for: "All \(count) checks found nothing broken", in: ".note.good")
        #expect(try await tab.count(".light.kept") == count)
        try await look("promises")
        try await go("overview")
        try await tab.wait(for: "\(count) kept", in: "#main")
        try await look("overview")
        #expect(
            try await house.actions() == [
                "pause", "resume", "scale", "run_retry", "run_pause", "run_resume", "run_fork", "run_cancel",
                "run_retry", "bulk", "bulk",
            ]
        )
        try await go("actions")
        try await tab.wait(for: "forked a run", in: "#main")
        try await look("actions")
        try await tab.click("#top > button:last-of-type")
        try await tab.wait(until: "document.querySelector('#key')")
        #expect(tab.takeComplaints() == [])
    }
}
