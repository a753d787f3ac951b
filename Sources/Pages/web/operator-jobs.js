// Jobs, and those that failed for good.
import { h, toast } from "./dom.js"
import { call } from "./session.js"
import { button, confirm, facts, filter, head, instant, part, table, tag, to, whole } from "./operator-parts.js"
import { order } from "./operator-runs.js"

const states = ["scheduled", "blocked", "ready", "running", "waiting", "done", "failed", "cancelled", "expired"]
const kinds = ["failed", "discarded", "timed_out", "crashed", "unreadable", "unknown"]

const only = (parameters, names) =>
    Object.fromEntries(names.filter((name) => parameters[name]).map((name) => [name, parameters[name]]))
const ofJobs = (parameters) => only(parameters, ["queue", "name", "state"])
const ofLetters = (parameters) => only(parameters, ["queue", "name", "kind"])

const ask = (path, wanted, after) => call("GET", `/v1/operator/${path}?${new URLSearchParams({ ...wanted, ...(after ? { after } : {}) })}`)

const form = (view, label, fields, wanted) => h("form", { class: "filters", role: "search", "aria-label": label, "data-view": view },
    fields, h("button", { class: "primary" }, "Find"),
    Object.keys(wanted).length ? h("a", { class: "button small", href: to(view) }, "All") : null)

const older = (view, wanted, after, next) => h("p", { class: "row more" },
    after ? h("a", { href: to(view, wanted) }, "Newest") : null,
    next ? h("a", { href: to(view, { ...wanted, after: next }) }, "Older") : null)

export const jobs = {
    title: "Jobs",
    load: (parameters) => ask("jobs", ofJobs(parameters), parameters.after),
    render({ jobs, next }, parameters) {
        const wanted = ofJobs(parameters)
        return [
            head("Jobs"),
            form("jobs", "Find jobs", [filter("Queue", "queue", wanted.queue), filter("Name", "name", wanted.name),
                filter("State", "state", wanted.state, states)], wanted),
            table("Jobs", ["Job", "Name", "Queue", "State", "#Failures", "Made", "Ended", "Error"], jobs.map((job) => ({
                key: String(job.id),
                cells: [
                    h("a", { href: to(`run/${job.id}`) }, job.id), h("a", { href: to("jobs", { ...wanted, name: job.name }) }, job.name),
                    h("a", { href: to("jobs", { ...wanted, queue: job.queue }) }, job.queue), tag(job.state), whole(job.failures),
                    instant(job.created_at), instant(job.finished_at), job.error || "–",
                ],
            })), "No job matches."),
            older("jobs", wanted, parameters.after, next),
        ]
    },
}

export const job = {
    title: "Job",
    load: (_, id) => call("GET", `/v1/operator/jobs/${id}`),
    render(job) {
        const isOver = ["done", "failed", "cancelled", "expired"].includes(job.standing)
        return [
            head(`Job ${job.id}`, tag(job.standing),
                ["failed", "scheduled"].includes(job.standing) ? button("Retry", "steerJob", { action: "retry", id: job.id }, "primary") : null,
                isOver ? null : button("Cancel", "steerJob", { action: "cancel", id: job.id }, "danger")),
            job.error ? h("p", { class: "note bad" }, job.error) : null,
            part("About", facts([
                ["Name", h("a", { href: to("jobs", { name: job.name }) }, job.name)],
                ["Queue", h("a", { href: to("jobs", { queue: job.queue }) }, job.queue)],
                ["Made", instant(job.created_at)], ["Ended", (job.finished_at ?? job.closed_at) && instant(job.finished_at ?? job.closed_at)],
                ["Failures", whole(job.failures)], ["Priority", whole(job.priority)], ["Key", job.key_until_end ?? job.limit_key],
                ["Dead letter", job.dead_letter && h("a", { href: to("dead-letters", { kind: job.dead_letter.kind }) }, job.dead_letter.kind)],
                ["Progress", job.progress && h("code", {}, JSON.stringify(job.progress))],
                ["Input", h("code", {}, JSON.stringify(job.input))], ["Output", job.output && h("code", {}, JSON.stringify(job.output))],
            ])),
            job.log?.length ? part("Its log", table("Its log", ["#Line", "What"], job.log.map((line) =>
                ({ key: String(line.ordinal), cells: [whole(line.ordinal), h("code", {}, JSON.stringify(line))] })))) : null,
        ]
    },
}

export const letters = {
    title: "Dead letters",
    load: (parameters) => ask("dead-letters", ofLetters(parameters), parameters.after),
    render({ dead_letters, next }, parameters) {
        const wanted = ofLetters(parameters)
        return [
            head("Dead letters"),
            form("dead-letters", "Find dead letters", [filter("Queue", "queue", wanted.queue), filter("Name", "name", wanted.name),
                filter("Kind", "kind", wanted.kind, kinds)], wanted),
            dead_letters.length ? h("div", { class: "bulk", role: "group", "aria-label": "With all that match" },
                h("span", { class: "quiet small" }, "With all that match:"), button("Redrive all…", "redriveAll")) : null,
            table("Dead letters", ["Job", "Name", "Queue", "Kind", "#Failures", "Failed", "Why", ""], dead_letters.map((letter) => ({
                key: letter.id,
                cells: [
                    h("a", { href: to(`run/${letter.id}`) }, letter.id),
                    h("a", { href: to("dead-letters", { ...wanted, name: letter.name }) }, letter.name),
                    h("a", { href: to("dead-letters", { ...wanted, queue: letter.queue }) }, letter.queue),
                    h("a", { href: to("dead-letters", { ...wanted, kind: letter.kind }) }, letter.kind), whole(letter.failures),
                    instant(letter.failed_at), letter.reason || "–", button(`Redrive ${letter.id}`, "redrive", { id: letter.id }),
                ],
            })), "There are no dead letters here: nothing has failed for good."),
            older("dead-letters", wanted, parameters.after, next),
        ]
    },
}

export const acts = {
    async steerJob({ action, id }) {
        const isCancel = action === "cancel"
        const isMeant = await confirm({
            title: isCancel ? `Cancel job ${id}?` : `Retry job ${id}?`, action: isCancel ? "Cancel it" : "Retry it", danger: isCancel,
            text: isCancel ? "This can't be undone." : "It is ready again, with no failure counted.",
        })
        if (!isMeant) return
        await call("POST", `/v1/operator/jobs/${id}/${action}`)
        toast(isCancel ? `Job ${id} is cancelled, or was asked to end` : `Job ${id} is ready again`)
    },
    async redrive({ id }) {
        const isMeant = await confirm({
            title: `Redrive ${id}?`, action: "Redrive it", text: "It is ready again, with no failure counted; a run goes on from its checkpoints.",
        })
        if (!isMeant) return
        await call("POST", `/v1/operator/jobs/${id}/retry`)
        toast(`${id} is ready again`)
    },
    redriveAll: (_, parameters) => order("redrive", ofLetters(parameters), "dead letter"),
}
