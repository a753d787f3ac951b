// The promises as lights, and what operators did.
import { h } from "./dom.js"
import { call } from "./session.js"
import { duration, head, instant, light, part, table, to, whole } from "./operator-parts.js"

const promises = {
    1: "A job that was committed runs", 2: "A step’s effect happens exactly once", 3: "Stock is never oversold",
    4: "A reservation has exactly one ending, and its money is where it belongs", 5: "A place is never lost and never moves back",
    6: "Nobody comes in before their number", 7: "What people decided is on record", 8: "What is answered is on disk",
}

export const lights = {
    title: "Promises",
    load: () => call("GET", "/v1/operator/audit"),
    render({ lights }) {
        const broken = lights.filter((one) => one.state === "broken").length
        const unknown = lights.filter((one) => one.state === "unknown").length
        const summary = broken ? h("p", { class: "note bad" }, `${whole(broken)} of ${whole(lights.length)} checks found something broken.`)
            : unknown ? h("p", { class: "note warn" }, `${whole(unknown)} of ${whole(lights.length)} checks have not been made yet.`)
                : h("p", { class: "note good" }, `All ${whole(lights.length)} checks found nothing broken.`)
        return [
            head("Promises"), summary,
            [...new Set(lights.map((one) => one.promise))].map((number) => part(`${number}. ${promises[number]}`,
                table(promises[number], ["Check", "Light", "Looked at", "Took", "#Offenders"], lights.filter((one) => one.promise === number).map((one) => ({
                    key: one.name,
                    cells: [
                        one.name, light(one.state), instant(one.looked_at), one.took_ms == null ? "–" : duration(one.took_ms / 1000),
                        one.offenders.length ? h("details", { open: true }, h("summary", {}, one.count >= 20 ? "20 or more" : whole(one.count)),
                            h("ul", {}, one.offenders.map((line) => h("li", {}, line)))) : one.problem ?? "none",
                    ],
                }))))),
            h("p", { class: "quiet small more" }, "Each is looked at once a minute while this page, or anybody’s, is open; ", h("code", {}, "usher audit"), " does it at once."),
        ].flat()
    },
}

const done = {
    pause: "paused a queue", resume: "resumed a queue", scale: "scaled a pool", schedule_pause: "paused a schedule",
    schedule_resume: "resumed a schedule", run_retry: "retried", run_cancel: "cancelled", run_pause: "paused a run",
    run_resume: "resumed a run", run_fork: "forked a run", bulk: "gave an order to many",
}

export const actions = {
    title: "Actions",
    load: ({ after }) => call("GET", `/v1/operator/actions${after ? `?after=${after}` : ""}`),
    render: ({ actions, next }, { after }) => [
        head("Actions"),
        table("What operators did", ["#Entry", "When", "Who", "What", "To what"], actions.map((one) => {
            const { key, run, ...rest } = one.detail
            return {
                key: String(one.ordinal),
                cells: [
                    whole(one.ordinal), instant(one.at), one.actor, done[one.action] ?? one.action,
                    h("span", {}, run ? h("a", { href: to(`run/${run}`) }, `${run}`) : null, run && Object.keys(rest).length ? ", " : null,
                        Object.entries(rest).map(([name, value]) => `${name} ${value}`).join(", ")),
                ],
            }
        }), "Nobody has done anything yet."),
        h("p", { class: "row more" }, after ? h("a", { href: to("actions") }, "Newest") : null,
            next ? h("a", { href: to("actions", { after: next }) }, "Older") : null),
    ],
}
