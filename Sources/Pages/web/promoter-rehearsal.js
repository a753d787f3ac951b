// What a rehearsal found, drawn from the report that `usher rehearse --json` prints.
import { h } from "./dom.js"
import { barChart, timeChart } from "./charts.js"
import { counted, percent } from "./promoter-words.js"

/// A card that takes a report and shows it.
export function rehearsal() {
    const place = h("div", { class: "stack", "aria-live": "polite" })
    const problem = h("p", { class: "problem", role: "alert", id: "report-problem" })
    const input = h("input", { type: "file", id: "report", "aria-describedby": "report-hint report-problem" })
    input.addEventListener("change", async () => {
        const file = input.files[0]
        if (!file) return
        try {
            // The report is the last line of what the command says.
            const report = JSON.parse((await file.text()).trim().split("\n").at(-1))
            if (!Array.isArray(report?.sold_per_minute)) throw new Error("it has no sold_per_minute")
            problem.textContent = ""
            place.replaceChildren(...shown(report))
        } catch (error) {
            problem.textContent = `${file.name} is no report of a rehearsal: ${error.message}`
        }
    })
    return h("div", { class: "card stack" },
        h("h2", {}, "Rehearse it"),
        h("p", { class: "quiet" }, "Save the plan and play it with made-up buyers on a machine that has time for it:"),
        h("p", {}, h("code", {}, "usher rehearse --plan plan.json --json > report.txt")),
        h("div", { class: "field" }, h("label", { for: "report" }, "Its report"), input,
            h("p", { class: "hint", id: "report-hint" }, "Is read here and sent nowhere."), problem),
        place)
}

function shown(report) {
    const minutes = (seconds) => seconds == null ? "–" : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
    const times = report.sold_per_minute.map((_, minute) => minute * 60_000)
    const curve = timeChart({ title: "Sold, in the rehearsal", series: [{ name: "Tickets" }], isRelative: true })
    let sum = 0
    const sold = report.sold_per_minute.map((tickets) => sum += tickets)
    curve.show([...times, times.length * 60_000], [[0, ...sold]], { limit: report.capacity })
    const way = barChart({ title: "What became of the buyers", parts: ["buyers"], isOneColour: true })
    const { came, joined, called, came_in: cameIn, bought } = report.buyers
    way.show([["Came", came], ["Joined", joined], ["Called", called], ["Came in", cameIn], ["Bought", bought]]
        .map(([name, value]) => ({ name, total: came, parts: [value], note: `${value.toLocaleString()} · ${percent(value, came)}` })))
    return [
        h("p", {}, h("strong", {}, report.sold_out_at == null ? `Not sold out: ${counted(report.sold, "ticket")} of ${report.capacity.toLocaleString()}.` : `Sold out ${minutes(report.sold_out_at)} after the start.`),
            ` Half of those who were called waited at most ${minutes(report.wait_to_called.p50)}, nine in ten at most ${minutes(report.wait_to_called.p90)}.`),
        h("p", { class: "note" }, report.advice),
        curve.element, way.element,
    ]
}
