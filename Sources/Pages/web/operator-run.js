// One run: where it stands, what it did, and what can be done with it.
import { h, svg, toast } from "./dom.js"
import { call } from "./session.js"
import { button, confirm, duration, facts, head, instant, part, table, tag, to, whole } from "./operator-parts.js"
import { remark, runTable } from "./operator-runs.js"

const time = (text) => new Date(text).getTime()

/// Microseconds matter between steps, and dates have milliseconds only.
function micros(text) {
    const fraction = text.match(/\.(\d+)/)?.[1] ?? ""
    return Math.floor(time(text) / 1000) * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6))
}

const link = (id) => h("a", { href: to(`run/${id}`) }, id)

function buttons(run) {
    const isOver = ["done", "failed", "cancelled"].includes(run.state)
    return [
        ["failed", "scheduled"].includes(run.state) ? button("Retry", "steer", { action: "retry", id: run.id }, "primary") : null,
        run.state === "paused" ? button("Resume", "steer", { action: "resume", id: run.id }, "primary") : null,
        !isOver && !run.paused ? button("Pause", "steer", { action: "pause", id: run.id }) : null,
        !isOver ? button("Cancel", "steer", { action: "cancel", id: run.id }, "danger") : null,
    ]
}

/// The steps as bars, to the scale of the run's life.
function bars({ run, timeline, begins_at }) {
    const start = micros(begins_at)
    const last = timeline.length ? micros(timeline.at(-1).at) : start
    const end = Math.max(run.finished_at ? micros(run.finished_at) : Date.now() * 1000, last, start + 1)
    const share = (instant) => (instant - start) / (end - start) * 1000
    const drawn = timeline.map((mark, index) => {
        const to = share(micros(mark.at))
        const from = mark.since ? share(micros(mark.since)) : to
        const kind = mark.failed ? "failed" : ["wait", "event"].includes(mark.kind) ? mark.kind : "result"
        const width = Math.max(4, to - from)
        return h("div", { class: "bar", "data-key": `${index} ${mark.label}` },
            h("span", {}, mark.label),
            svg("svg", { viewBox: "0 0 1000 16", preserveAspectRatio: "none" },
                svg("rect", { class: kind, x: Math.min(from, 1000 - width).toFixed(1), y: 2, width: width.toFixed(1), height: 12 })),
            h("span", {}, mark.since ? duration((micros(mark.at) - micros(mark.since)) / 1e6) : ""))
    })
    const legend = [["result", "worked"], ["wait", "waited"], ["failed", "failed"], ["event", "was told"]].map(([kind, text]) =>
        h("span", {}, svg("svg", { viewBox: "0 0 10 10" }, svg("rect", { class: kind, width: 10, height: 10, rx: 2 })), text))
    return h("div", { "aria-hidden": "true" }, h("div", { class: "bars" }, drawn), h("div", { class: "legend bars-key" }, legend))
}

function steps({ timeline, begins_at }) {
    const start = micros(begins_at)
    return table("Timeline", ["Step", "Kind", "#After", "#Took", "#Claim", "#Failed attempts", "Error, or value", "Runs", ""],
        timeline.map((mark, index) => ({
            key: `${index} ${mark.label}`,
            cells: [
                mark.label, mark.failed ? h("span", { class: "tag bad" }, mark.kind) : mark.kind,
                duration((micros(mark.at) - start) / 1e6), mark.since ? duration((micros(mark.at) - micros(mark.since)) / 1e6) : "–",
                mark.claim ?? "–", mark.failed_attempts ?? "–",
                mark.error ?? (mark.value.length > 120
                    ? h("details", {}, h("summary", {}, `${mark.value.slice(0, 60)}…`), h("pre", {}, mark.value)) : h("code", {}, mark.value)),
                mark.runs.length ? mark.runs.flatMap((id, index) => [index ? ", " : "", link(id)]) : "–",
                mark.kind === "event" ? null : button("Fork from here", "fork", { step: mark.label }),
            ].map((cell) => Array.isArray(cell) ? h("span", {}, cell) : cell),
        })), "Nothing is recorded yet.")
}

export const run = {
    title: "Run",
    async load(_, id) {
        try {
            return await call("GET", `/v1/operator/runs/${id}`)
        } catch (problem) {
            if (problem.code !== "unknown_job") throw problem
            await call("GET", `/v1/operator/jobs/${id}`)
            location.replace(to(`job/${id}`))
            return null
        }
    },
    render(history) {
        const { run, input, output, values, attributes, children } = history
        return [
            head(`Run ${run.id}`, tag(run.state), ...buttons(run)),
            run.error ? h("p", { class: `note ${run.state === "failed" ? "bad" : "warn"}` }, run.error) : null,
            part("About", facts([
                ["Workflow", h("a", { href: to("runs", { workflow: run.workflow }) }, run.workflow)],
                ["Queue", h("a", { href: to("jobs", { queue: run.queue }) }, run.queue)],
                ["Started", instant(run.created_at)], ["Ended", run.finished_at && instant(run.finished_at)],
                ["Took", run.finished_at && duration((micros(run.finished_at) - micros(run.created_at)) / 1e6)],
                ["Waits for", run.error ? null : remark(run)], ["Wakes", run.wakes_at && instant(run.wakes_at)],
                ["Claimed", `${whole(run.claims)} ${run.claims === 1 ? "time" : "times"}`],
                ["Failures", run.failures ? whole(run.failures) : null], ["Code version", run.version],
                ["Continued as new", run.generation ? `${whole(run.generation)} times` : null],
                ["Parent", run.parent && link(run.parent)], ["Input", h("code", {}, input)],
                ["Output", output && h("code", {}, output)],
                ...attributes.map(({ name, value }) =>
                    [name, h("a", { href: to("runs", { attribute: `${name}=${value}` }) }, h("code", {}, value))]),
            ])),
            part("Timeline", bars(history), h("div", { class: "more" }, steps(history))),
            children.length ? part("Children", runTable("Children", children)) : null,
            values.length ? part("What it shows", table("What it shows", ["Name", "Value", "Since"],
                values.map(({ name, value, at }) => ({ key: name, cells: [name, h("code", {}, value), instant(at)] })))) : null,
        ]
    },
}

const asked = {
    retry: ["Retry", "It goes on from its last checkpoint, with no failure counted."],
    cancel: ["Cancel", "This can't be undone. If it runs, it is asked to end, and ends half a minute later whatever it does."],
    pause: ["Pause", "It stands still, with all that it waits for, until somebody resumes it."],
    resume: ["Resume", "It goes on with what has come meanwhile."],
}
const told = { retry: "goes on", cancel: "is cancelled, or was asked to end", pause: "is paused", resume: "goes on" }

export const acts = {
    async steer({ action, id }) {
        const [name, text] = asked[action]
        if (action !== "resume") {
            const isMeant = await confirm({ title: `${name} run ${id}?`, text, action: `${name} it`, danger: action === "cancel" })
            if (!isMeant) return
        }
        await call("POST", `/v1/operator/runs/${id}/${action}`)
        toast(`Run ${id} ${told[action]}`)
    },
    async fork({ step }, _, id) {
        const isMeant = await confirm({
            title: `Fork run ${id} from “${step}”?`, action: "Fork it", danger: true,
            text: ["A new run goes on as if that step had not been done yet; this one stays as it is.",
                "What this one did from there on is done again, outside, too: a payment, a message. That can't be undone."],
        })
        if (!isMeant) return
        const fork = await call("POST", `/v1/operator/runs/${id}/fork`, { body: { from: step } })
        toast(`Run ${fork.id} was made`)
        location.hash = to(`run/${fork.id}`)
    },
}
