// Rehearsing a plan: a crowd is chosen, a worker plays it, and what it found is drawn. A report that `usher rehearse --json`
// printed somewhere else is drawn as well.
import { Problem, h, say } from "./dom.js"
import { barChart, timeChart } from "./charts.js"
import { call } from "./session.js"
import { counted, percent } from "./promoter-words.js"

/// Which rehearsal is looked at, for when the page is loaded again.
const memory = "usher-rehearsal"

/// What may be said of the crowd, with what is meant if nothing is said.
const terms = [
    ["buyers", "Buyers who come", "half as many again as would buy everything"],
    ["no_show", "Of 100 called, don't come", "10"],
    ["conversion", "Of 100 inside, buy", "70"],
    ["basket", "Tickets each, on average", "2"],
]

/// A card that has `plan()` rehearsed and shows what it came to; `leaving` stops it asking.
export function rehearsal(plan) {
    const place = h("div", { class: "stack" })
    const state = h("p", { class: "note", role: "status", hidden: true })
    const problem = h("p", { class: "problem", role: "alert", id: "rehearse-problem" })
    const play = h("button", { type: "submit" }, "Rehearse")
    const stop = h("button", { type: "button", class: "plain", hidden: true, onclick: callOff }, "Call it off")
    const inputs = new Map()
    const curve = h("select", { id: "crowd-curve" },
        h("option", { value: "burst" }, "Most just before the start"),
        h("option", { value: "even" }, "As many in each minute"),
        h("option", { value: "early" }, "Soon after the room opens"))
    let timer = null
    let id = sessionStorage.getItem(memory)
    let isLeft = false

    const form = h("form", { class: "stack", novalidate: true, onsubmit: order },
        h("div", { class: "grid" }, terms.map(([name, label, usual]) => {
            const input = h("input", { id: `crowd-${name}`, inputmode: "decimal", "aria-describedby": `crowd-${name}-hint crowd-${name}-problem` })
            inputs.set(name, input)
            return h("div", { class: "field" }, h("label", { for: input.id }, label), input,
                h("p", { class: "hint", id: `crowd-${name}-hint` }, `${usual} if empty`),
                h("p", { class: "problem", id: `crowd-${name}-problem` }))
        }), h("div", { class: "field" }, h("label", { for: "crowd-curve" }, "They come"), curve)),
        problem,
        h("div", { class: "ends" }, play, stop))

    function tell(problems) {
        const rest = []
        for (const input of inputs.values()) {
            input.removeAttribute("aria-invalid")
            say(document.getElementById(`${input.id}-problem`), "")
        }
        for (const { field, message } of problems) {
            const input = inputs.get(field.replace(/^crowd\./, ""))
            if (!field.startsWith("crowd.") || !input) {
                rest.push(field ? `${field}: ${message}` : message)
                continue
            }
            input.setAttribute("aria-invalid", "true")
            say(document.getElementById(`${input.id}-problem`), message)
        }
        say(problem, rest.length > 2 ? `The plan has ${rest.length} problems; the form says which.` : rest.join("; "))
    }

    function show(text) {
        state.hidden = !text
        say(state, text)
        stop.hidden = !id
        play.disabled = Boolean(id)
    }

    async function order(event) {
        event.preventDefault()
        const crowd = { curve: curve.value }
        for (const [name, input] of inputs) {
            const text = input.value.trim().replace(",", ".")
            if (text) crowd[name] = Number.isFinite(Number(text)) ? Number(text) : text
        }
        play.disabled = true
        place.replaceChildren()
        try {
            const ordered = await call("POST", "/v1/promoter/rehearsals", { body: { plan: plan(), crowd } })
            tell([])
            id = ordered.id
            sessionStorage.setItem(memory, id)
            take(ordered)
        } catch (refused) {
            tell(refused.fields?.length ? refused.fields : [{ field: "", message: refused.message }])
            const first = [...inputs.values()].find((input) => input.hasAttribute("aria-invalid"))
            show("")
            first?.focus()
        }
    }

    async function callOff() {
        stop.disabled = true
        await call("DELETE", `/v1/promoter/rehearsals/${id}`).catch((refused) => say(problem, refused.message))
        stop.disabled = false
        await look()
    }

    async function look() {
        clearTimeout(timer)
        if (!id || isLeft) return
        try {
            take(await call("GET", `/v1/promoter/rehearsals/${id}`))
        } catch (refused) {
            if (refused instanceof Problem && refused.status === 404) return over("")
            again()
        }
    }

    function again() {
        clearTimeout(timer)
        if (!isLeft) timer = setTimeout(look, 1000)
    }

    function over(text) {
        id = null
        sessionStorage.removeItem(memory)
        show(text)
    }

    function take({ state, progress, problem, report }) {
        switch (state) {
            case "waiting":
                show("Waits until a worker has time for it.")
                return again()
            case "playing":
                show(progress ? `Playing: ${progress}.` : "Playing: the stage is being built.")
                return again()
            case "done":
                over("")
                return place.replaceChildren(...shown(report))
            case "cancelled": return over("Called off; nothing of it is left.")
            default: return over(`It failed: ${problem ?? "nobody knows why"}.`)
        }
    }

    if (id) look()
    const element = h("div", { class: "card stack" },
        h("h2", {}, "Rehearse it"),
        h("p", { class: "quiet" }, "Played with made-up buyers, beside the real sales, as fast as the machine can. What is in the form is played, scheduled or not."),
        form, state, place, fromFile(place))
    return { element, leaving: () => { isLeft = true; clearTimeout(timer) } }
}

/// Takes a report that was made elsewhere.
function fromFile(place) {
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
    return h("details", {}, h("summary", {}, "Played on another machine"),
        h("p", {}, h("code", {}, "usher rehearse --plan plan.json --json > report.txt")),
        h("div", { class: "field" }, h("label", { for: "report" }, "Its report"), input,
            h("p", { class: "hint", id: "report-hint" }, "Is read here and sent nowhere."), problem))
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
        h("p", { role: "status" }, h("strong", {}, report.sold_out_at == null ? `Not sold out: ${counted(report.sold, "ticket")} of ${report.capacity.toLocaleString()}.` : `Sold out ${minutes(report.sold_out_at)} after the start.`),
            ` Half of those who were called waited at most ${minutes(report.wait_to_called.p50)}, nine in ten at most ${minutes(report.wait_to_called.p90)}.`),
        h("p", { class: "note" }, report.advice),
        curve.element, way.element,
    ]
}
