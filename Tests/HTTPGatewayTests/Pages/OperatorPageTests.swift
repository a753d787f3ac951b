import HTTP
import Jobs
import Postgres
import TestSupport
import Testing
import Workflows

@testable import BoxOffice
@testable import HTTPGateway

/// The operator's board, as somebody at a desk or with a phone has it; `WholeDayTests` has what is done on it.
@Suite(.withBrowser, .timeLimit(.minutes(5)))
struct OperatorPageTests {
    @Test func `The board names who holds old rows and locks, and holds a schedule`() async throws {
        try await withParcels { house, _ in
            try await Browser.run { devTools in
                let desk = try await OperatorOnBoard(Browser(devTools), house)
                let tab = desk.tab
                try await desk.signIn()
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
            }
        }
    }

    @Test func `What is shown is brought up to date without taking focus, selection or what is typed`()
        async throws
    {
        try await withParcels { house, _ in
            try await Browser.run { devTools in
                let desk = try await OperatorOnBoard(Browser(devTools), house)
                let tab = desk.tab
                try await desk.signIn()
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
