import HTTP
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice
@testable import HTTPGateway

/// The operator's board, as somebody at a desk or with a phone has it.
@Suite(.withBrowser, .timeLimit(.minutes(10)))
struct OperatorPageTests {
    /// Somebody who sits before the board.
    private struct Desk {
        let house: GatewayAtWork
        let tab: BrowserTab

        /// Goes to a view by its address.
        func go(_ hash: String) async throws {
            try await tab.evaluate("location.hash = \(BrowserTab.quoted("#" + hash)); null")
            try await tab.wait(
                until: "document.querySelector('#main').dataset.shown === \(BrowserTab.quoted("#" + hash))"
            )
        }

        /// Presses a button of the page, and says yes to what it asks.
        func order(_ selector: String) async throws {
            try await tab.click("#main \(selector)")
            try await tab.wait(until: "document.querySelector('dialog[open]')")
            try await tab.click("dialog[open] button[value=yes]")
            try await tab.wait(until: "!document.querySelector('dialog')")
        }

        /// Nothing is wrong with what is seen.
        func check(_ name: String) async throws {
            let found = try await tab.violations()
            #expect(found == [], "\(name)")
            #expect(tab.takeComplaints() == [], "\(name)")
        }

        /// What is seen, in all the ways that people look.
        func look(_ name: String) async throws {
            try await check(name)
            for (look, suffix) in [
                (Browser.Look.desk, "desk"), (.desk.dark, "desk-dark"), (.phone, "phone"),
                (.phone.dark, "phone-dark"),
            ] {
                try await tab.use(look)
                try await tab.picture("board-\(name)-\(suffix)")
                let wide = try await tab.evaluate("document.documentElement.scrollWidth > innerWidth").bool
                #expect(wide == false, "\(name) \(suffix) is wider than its screen")
                if look.isDark { try await check("\(name) \(suffix)") }
            }
            try await tab.use(.desk)
        }
    }

    private func withDesk(_ body: (Desk, Van) async throws -> Void) async throws {
        try await withParcels { house, van in
            let root = "http://127.0.0.1:\(house.api.port)"
            try await Browser.run { devTools in
                let tab = try await Browser(devTools).tab(.desk)
                try await tab.open(root + "/operator")
                try await tab.wait(for: "Sign in with an API key", in: ".sign-in")
                let desk = Desk(house: house, tab: tab)
                try await desk.look("sign-in")
                try await tab.fill("#key", house.operatorKey)
                try await tab.click(".sign-in button")
                try await tab.wait(for: "Overview", in: "h1")
                try await body(desk, van)
                #expect(tab.hosts == ["127.0.0.1:\(house.api.port)"])
            }
        }
    }

    @Test func `An operator finds a failed run, reads it, has it go on, cancels and forks, all by the page`()
        async throws
    {
        try await withDesk { desk, van in
            let (house, tab) = (desk.house, desk.tab)
            let failed = try await house.deliver(1)
            let waiting = try await house.deliver(2, waits: true)
            try await house.wait(for: failed, "failed")
            try await house.wait(for: waiting, "waiting")

            try await desk.go("runs")
            try await tab.wait(for: "delivery", in: "#main table")
            try await desk.look("runs")
            try await desk.go("runs?state=failed")
            try await tab.click("#main tbody th a")
            try await tab.wait(for: "Run \(failed)", in: "h1")
            try await tab.wait(for: "the van does not start", in: ".note")
            #expect(try await tab.count(".bars .bar") >= 2)
            #expect(try await tab.text("#main [aria-label=Timeline]")?.contains("weigh") == true)
            try await desk.look("run")
            van.isReady = true
            try await desk.order("[data-action=retry]")
            try await tab.wait(for: "done", in: ".head .tag")
            #expect(try await tab.text("#main")?.contains("delivered 1") == true)

            try await desk.go("run/\(waiting)")
            try await tab.wait(for: "event go", in: ".facts")
            try await desk.order("[data-action=pause]")
            try await tab.wait(for: "paused", in: ".head .tag")
            try await tab.click("#main [data-action=resume]")
            try await tab.wait(for: "waiting", in: ".head .tag")
            try await desk.order("[data-do=fork][data-step=weigh]")
            try await tab.wait(
                until:
                    "location.hash !== '#run/\(waiting)' && document.querySelector('h1')?.innerText !== 'Run \(waiting)'"
            )
            try await tab.wait(for: "\(waiting)", in: ".facts")
            try await desk.go("run/\(waiting)")
            try await tab.wait(for: "waiting", in: ".head .tag")
            // Whoever thinks better of it leaves it.
            try await tab.click("#main [data-action=cancel]")
            try await tab.wait(for: "This can't be undone", in: "dialog")
            try await desk.check("dialog")
            try await tab.press("Escape")
            try await tab.wait(
                until:
                    "!document.querySelector('dialog') && document.activeElement.dataset.action === 'cancel'"
            )
            #expect(try await house.operate(.get, "runs/\(waiting)")["run"]?["state"]?.string == "waiting")
            try await desk.order("[data-action=cancel]")
            try await tab.wait(for: "cancelled", in: ".head .tag")
            #expect(
                try await house.actions() == [
                    "run_retry", "run_pause", "run_resume", "run_fork", "run_cancel",
                ]
            )
            try await desk.go("actions")
            try await tab.wait(for: "forked a run", in: "#main")
            try await desk.look("actions")
            try await tab.click("#top > button:last-of-type")
            try await tab.wait(until: "document.querySelector('#key')")
            #expect(tab.takeComplaints() == [])
        }
    }

    @Test func `An operator holds a queue, scales a pool, and has many and one done after all, by the page`()
        async throws
    {
        try await withDesk { desk, van in
            let (house, tab) = (desk.house, desk.tab)
            try await house.database.client.execute(
                Query(
                    "test.pool",
                    "INSERT INTO pools (name, queues, wanted) VALUES ('parcels', '{parcels}', 1)"
                )
            )
            var runs: [JobID] = []
            for number in 0..<3 { runs.append(try await house.deliver(number)) }
            for number in 0..<3 { _ = try await house.workflows.store.enqueue([NewJob(Stamp.self, number)]) }
            for run in runs { try await house.wait(for: run, "failed") }
            _ = try await house.operate("dead-letters?name=stamp") { $0["dead_letters"]?.array?.count == 3 }

            try await desk.go("queues")
            try await tab.wait(
                until: "document.querySelector('tr[data-key=parcels] td:nth-child(9)')?.innerText === '6'"
            )
            try await desk.look("queues")
            try await desk.order("[data-do=pauseQueue][data-name=parcels]")
            try await tab.wait(for: "paused", in: "tr[data-key=parcels] .tag")
            try await tab.click("#main [data-do=resumeQueue][data-name=parcels]")
            try await tab.wait(for: "open", in: "tr[data-key=parcels] .tag")

            try await desk.go("workers")
            try await tab.wait(until: "document.querySelector('#scale-parcels')")
            try await desk.look("workers")
            try await tab.fill("#scale-parcels", "3")
            try await desk.order("[data-do=scalePool][data-name=parcels]")
            try await tab.wait(
                until: "document.querySelector('tr[data-key=parcels] td:nth-child(3)').innerText === '3'"
            )

            van.isReady = true
            // Every number is a link to what it counts.
            try await desk.go("queues")
            try await tab.click("tr[data-key=parcels] td:nth-child(9) a")
            try await tab.wait(for: "Redrive all", in: "#main")
            try await desk.look("dead-letters")
            try await tab.fill("#filter-name", "stamp")
            try await tab.click("#main form button")
            try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 3")
            try await desk.order("[data-do=redrive]")
            try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 2")
            try await desk.order("[data-do=redriveAll]")
            try await tab.wait(for: "2 of 2 dead letters changed", in: ".toasts")

            try await desk.go("runs?workflow=delivery&state=failed")
            try await tab.click("#main [data-do=bulk][data-action=retry]")
            try await tab.wait(for: "Retry 3 runs?", in: "dialog")
            try await tab.wait(for: "of the workflow delivery, that are failed", in: "dialog")
            try await desk.check("bulk dialog")
            try await tab.click("dialog button[value=yes]")
            try await tab.wait(for: "3 of 3 runs changed", in: ".toasts")
            for run in runs { try await house.wait(for: run, "done") }
            #expect(try await house.actions() == ["pause", "resume", "scale", "run_retry", "bulk", "bulk"])
            try await desk.go("jobs?name=stamp")
            try await tab.wait(until: "document.querySelectorAll('#main tbody tr').length === 3")
            try await desk.look("jobs")
            try await tab.click("#main tbody th a")
            try await tab.wait(for: "Job ", in: "h1")
            try await desk.look("job")
        }
    }

    @Test func `The board names who holds old rows and locks, and shows every light kept`() async throws {
        try await withDesk { desk, _ in
            let (house, tab) = (desk.house, desk.tab)
            try await Recurrence(
                name: "sweep",
                jobName: "sweep",
                input: JSONB(text: "{}"),
                every: .seconds(3600)
            )
            .save(on: house.database.client)
            try await desk.go("schedules")
            try await tab.wait(for: "every 1 h", in: "#main")
            try await desk.order("[data-do=pauseSchedule]")
            try await tab.wait(for: "paused", in: "#main .tag")
            try await desk.look("schedules")
            try await tab.click("#main [data-do=resumeSchedule]")
            try await tab.wait(for: "open", in: "#main .tag")

            try await desk.go("tables")
            try await tab.wait(for: "checkpoints", in: "#main")
            try await desk.look("tables")
            try await tab.click("tr[data-key=jobs] th a")
            try await tab.wait(for: "FOR VALUES FROM", in: "#main")
            try await desk.check("table")
            try await desk.go("replicas")
            try await tab.wait(for: "No replica streams", in: "#main")
            try await desk.check("replicas")

            let culprit = house.database.makeClient(.init(maximum: 1))
            let victim = house.database.makeClient(.init(maximum: 1))
            try await culprit.withTransaction(.init(isolation: .repeatableRead)) { tx in
                let pid: Int32 = try await tx.query(Query("test.pin", "SELECT pg_backend_pid()"))[0][0]
                _ = try await tx.query(Query("test.hold", "SELECT FROM clock FOR UPDATE"))
                try await desk.go("snapshots")
                try await tab.wait(for: "idle in transaction", in: "tr[data-key='\(pid)']")
                try await tab.wait(for: "FOR UPDATE", in: "tr[data-key='\(pid)']")
                try await desk.look("snapshots")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        try await victim.execute(
                            Query("test.wait", "UPDATE clock SET shift = shift WHERE true")
                        )
                    }
                    try await desk.go("locks")
                    try await tab.wait(for: "Process \(pid)", in: "#main")
                    try await tab.wait(for: "UPDATE clock", in: "#main")
                    try await desk.look("locks")
                    try await tx.execute(Query("test.end", "ROLLBACK"))
                    try await group.waitForAll()
                }
            }
            await culprit.shutdown()
            await victim.shutdown()

            try await desk.go("promises")
            let count = PromiseChecks.names.count
            try await tab.wait(for: "All \(count) checks found nothing broken", in: ".note.good")
            #expect(try await tab.count(".light.kept") == count)
            try await desk.look("promises")
            try await desk.go("overview")
            try await tab.wait(for: "\(count) kept", in: "#main")
            try await desk.look("overview")
        }
    }

    @Test func `What is shown is brought up to date without taking focus, selection or what is typed`()
        async throws
    {
        try await withDesk { desk, _ in
            let (house, tab) = (desk.house, desk.tab)
            let first = try await house.deliver(1, waits: true)
            try await house.wait(for: first, "waiting")
            try await desk.go("runs")
            try await tab.wait(until: "document.querySelector('tr[data-key=\"\(first)\"]')")
            try await tab.evaluate(
                """
                (() => {
                    const row = document.querySelector('tr[data-key="\(first)"]')
                    row.querySelector("a").focus()
                    getSelection().selectAllChildren(row.querySelector("td"))
                    window.before = [row, document.activeElement, getSelection().toString()]
                })()
                """
            )
            let second = try await house.deliver(2, waits: true)
            try await tab.wait(until: "document.querySelector('tr[data-key=\"\(second)\"]')")
            let kept =
                "before[0].isConnected && before[1] === document.activeElement && before[2] === getSelection().toString()"
            #expect(try await tab.evaluate(kept).bool == true)
            #expect(try await tab.evaluate("before[2]").string == "delivery")
            try await tab.evaluate(
                """
                (() => {
                    const field = document.querySelector("#filter-text")
                    field.focus()
                    field.value = "half a wo"
                })()
                """
            )
            let later = try await house.deliver(3, waits: true)
            try await tab.wait(until: "document.querySelector('tr[data-key=\"\(later)\"]')")
            let field =
                "document.activeElement.id === 'filter-text' && document.activeElement.value === 'half a wo'"
            #expect(try await tab.evaluate(field).bool == true)
            // It stops on request, and goes on.
            try await tab.click("#top button[aria-pressed]")
            #expect(try await tab.count("#top button[aria-pressed=true]") == 1)
            let third = try await house.deliver(3, waits: true)
            try await tab.click("#top button[aria-pressed]")
            try await tab.wait(until: "document.querySelector('tr[data-key=\"\(third)\"]')")
            #expect(tab.takeComplaints() == [])
        }
    }

    @Test func `A key that only looks sees no orders`() async throws {
        try await withParcels { house, _ in
            let key = try await APIKeys(postgres: house.database.client).add(
                role: .operator,
                label: "eyes",
                scope: KeyScope(isReadOnly: true)
            )
            try await Browser.run { devTools in
                let tab = try await Browser(devTools).tab(.phone)
                try await tab.open("http://127.0.0.1:\(house.api.port)/operator")
                try await tab.fill("#key", key)
                try await tab.press("Enter")
                try await tab.wait(for: "only looks", in: "#top")
                try await tab.evaluate("location.hash = '#queues'; null")
                try await tab.wait(for: "parcels", in: "#main table")
                #expect(try await tab.count("[data-do]") == 0)
                #expect(tab.takeComplaints() == [])
                let violations = try await tab.violations()
                #expect(violations == [])
            }
        }
    }
}
