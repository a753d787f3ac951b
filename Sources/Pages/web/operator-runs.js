// Runs: finding them, and giving an order to all that were found.
import { h, toast } from "./dom.js"
import { call } from "./session.js"
import { button, confirm, filter, head, instant, table, tag, to, whole } from "./operator-parts.js"

const states = ["scheduled", "ready", "running", "waiting", "paused", "done", "failed", "cancelled"]
const names = ["workflow", "state", "text", "attribute", "parent", "key"]

/// Those of the parameters that say which runs are meant.
export const meant = (parameters) =>
    Object.fromEntries(names.filter((name) => parameters[name]).map((name) => [name, parameters[name]]))

const words = {
    workflow: "of the workflow", state: "that are", text: "whose error contains", attribute: "with the attribute",
    parent: "children of", key: "started as", name: "named", queue: "of the queue", kind: "of the kind",
}

/// A filter in words.
export const said = (wanted) => Object.entries(wanted).map(([name, value]) => `${words[name]} ${value}`).join(", ")

export function remark(run) {
    if (run.error) return run.error
    if (run.finished_at) return ""
    return [...run.waits_for.map((name) => `event ${name}`), ...(run.wakes_at ? ["a timer"] : [])].join(", ")
}

export const runTable = (caption, runs, wanted = {}, none) => table(caption,
    ["Run", "Workflow", "State", "#Failures", "Started", "Ended", "Waits for, or error"],
    runs.map((run) => ({
        key: run.id,
        cells: [
            h("a", { href: to(`run/${run.id}`) }, run.id),
            h("a", { href: to("runs", { ...wanted, workflow: run.workflow }) }, run.workflow),
            h("a", { href: to("runs", { ...wanted, state: run.state }), class: "plain" }, tag(run.state)),
            whole(run.failures), instant(run.created_at), instant(run.finished_at), remark(run) || "–",
        ],
    })), none)

export const runs = {
    title: "Runs",
    load(parameters) {
        const query = new URLSearchParams({ ...meant(parameters), ...(parameters.after ? { after: parameters.after } : {}) })
        return call("GET", `/v1/operator/runs?${query}`)
    },
    render({ runs, next }, parameters) {
        const wanted = meant(parameters)
        const { state } = wanted
        const orders = [
            ["retry", "Retry all", !state || ["failed", "scheduled"].includes(state)],
            ["cancel", "Cancel all", !["done", "failed", "cancelled"].includes(state)],
            ["pause", "Pause all", !["done", "failed", "cancelled", "paused"].includes(state)],
            ["resume", "Resume all", !state || state === "paused"],
        ].filter(([, , fits]) => fits)
        return [
            head("Runs"),
            h("form", { class: "filters", role: "search", "aria-label": "Find runs", "data-view": "runs" },
                filter("Workflow", "workflow", wanted.workflow), filter("State", "state", wanted.state, states),
                filter("Error contains", "text", wanted.text), filter("Attribute, as name=value", "attribute", wanted.attribute),
                filter("Parent run", "parent", wanted.parent),
                h("button", { class: "primary" }, "Find"),
                Object.keys(wanted).length ? h("a", { class: "button small", href: to("runs") }, "All runs") : null),
            h("div", { class: "bulk", role: "group", "aria-label": "With all that match" },
                h("span", { class: "quiet small" }, "With all that match:"),
                orders.map(([action, text]) => button(`${text}…`, "bulk", { action }, action === "cancel" ? "danger" : ""))),
            runTable("Runs", runs, wanted, next ? "None among the newest; older ones may match." : "No run matches."),
            h("p", { class: "row more" },
                parameters.after ? h("a", { href: to("runs", wanted) }, "Newest") : null,
                next ? h("a", { href: to("runs", { ...wanted, after: next }) }, runs.length ? "Older" : "Look further back") : null),
        ]
    },
}

const titles = {
    retry: (n) => `Retry ${n}?`, cancel: (n) => `Cancel ${n}?`, pause: (n) => `Pause ${n}?`, resume: (n) => `Resume ${n}?`,
    redrive: (n) => `Redrive ${n}?`,
}
const meanings = {
    retry: "They go on from their last checkpoints, with no failure counted.",
    cancel: "This can't be undone. Running ones are asked to end, and end half a minute later whatever they do.",
    pause: "They stand still, with all that they wait for, until they are resumed.",
    resume: "They go on with what has come meanwhile.",
    redrive: "They are ready again, with no failure counted.",
}
const actions = { retry: "Retry them", cancel: "Cancel them", pause: "Pause them", resume: "Resume them", redrive: "Redrive them" }

/// Counts whom an order would concern, asks, and gives it.
export async function order(action, wanted, noun) {
    const counted = await call("POST", "/v1/operator/bulk/count", { body: { action, ...wanted } })
    if (!counted.count) return toast(`There are no such ${noun}s`)
    const number = `${whole(counted.count)} ${noun}${counted.count === 1 ? "" : "s"}`
    const isMeant = await confirm({
        title: titles[action](number), action: actions[action], danger: action === "cancel",
        text: [
            Object.keys(wanted).length ? `Those ${said(wanted)}.` : `All ${noun}s there are: no filter is set.`, meanings[action],
            counted.more ? "There are more: these are the newest, the others need another order." : "None that comes later is meant.",
        ],
    })
    if (!isMeant) return
    const { token, count } = counted
    const { changed, matched } = await call("POST", "/v1/operator/bulk", { body: { action, ...wanted, token, count } })
    toast(`${whole(changed)} of ${whole(matched)} ${matched === 1 ? noun : `${noun}s`} changed`)
}

export const acts = {
    bulk: ({ action }, parameters) => order(action, meant(parameters), "run"),
}
