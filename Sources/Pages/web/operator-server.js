// The database server and what goes by itself: schedules, tables, snapshots, locks, replicas.
import { h, toast } from "./dom.js"
import { call } from "./session.js"
import { button, confirm, duration, head, instant, part, size, table, tag, to, whole } from "./operator-parts.js"

const share = (dead, rows) => rows + dead ? `${Math.round(dead / (rows + dead) * 100)} %` : "–"

export const schedules = {
    title: "Schedules",
    load: () => call("GET", "/v1/operator/schedules"),
    render: ({ schedules }) => [head("Schedules"),
        table("Schedules", ["Schedule", "Job", "Queue", "When", "Next", "In", "State", ""], schedules.map((schedule) => ({
            key: schedule.name,
            cells: [
                schedule.name,
                h("a", { href: schedule.is_run ? to("runs", { workflow: schedule.job }) : to("jobs", { name: schedule.job }) }, schedule.job),
                h("a", { href: to("jobs", { queue: schedule.queue }) }, schedule.queue),
                schedule.cron ? h("span", {}, h("code", {}, schedule.cron), ` ${schedule.time_zone}`) : `every ${duration(schedule.every_seconds)}`,
                instant(schedule.next_at),
                schedule.paused ? "–" : schedule.due_seconds < 0 ? `${duration(-schedule.due_seconds)} late` : duration(schedule.due_seconds),
                tag(schedule.paused ? "paused" : "open"),
                schedule.paused ? button(`Resume ${schedule.name}`, "resumeSchedule", { name: schedule.name })
                    : button(`Pause ${schedule.name}`, "pauseSchedule", { name: schedule.name }),
            ],
        })), "Nothing recurs.")],
}

export const tables = {
    title: "Tables",
    every: 30,
    load: () => call("GET", "/v1/operator/tables"),
    render({ tables }, { name }) {
        const shown = tables.filter((one) => !name || one.name === name)
        const total = tables.reduce((bytes, one) => bytes + one.bytes, 0)
        return [
            head(name ? `Table ${name}` : "Tables", name ? h("a", { class: "button small", href: to("tables") }, "All tables") : null),
            h("p", { class: "quiet" }, `${size(total)} in ${whole(tables.length)} tables, indexes included. Rows are Postgres’ own estimates.`),
            h("div", { class: "more" }, table("Tables", ["Table", "#Partitions", "#Size", "#Rows", "#Dead rows", "#Dead", "Vacuumed"], shown.map((one) => ({
                key: one.name,
                cells: [
                    one.partitions.length ? h("a", { href: to("tables", { name: one.name }) }, one.name) : one.name,
                    one.partitions.length ? h("a", { href: to("tables", { name: one.name }), "aria-label": `${one.parts} partitions of ${one.name}` }, whole(one.parts)) : "–",
                    size(one.bytes), whole(one.rows), whole(one.dead_rows), share(one.dead_rows, one.rows), instant(one.vacuumed_at),
                ],
            })))),
            name && shown[0]?.partitions.length ? part("Partitions", table("Partitions", ["Partition", "Bounds", "#Size", "#Rows", "#Dead rows"],
                shown[0].partitions.map((one) => ({
                    key: one.name,
                    cells: [one.name, h("code", {}, one.bounds ?? "–"), size(one.bytes), whole(one.rows), whole(one.dead_rows)],
                })))) : null,
        ]
    },
}

const who = (one) => h("span", {}, one.application || "no name", h("span", { class: "quiet" }, one.user ? `, ${one.user}` : ""))

export const snapshots = {
    title: "Snapshots",
    load: () => call("GET", "/v1/operator/snapshots"),
    render({ sessions, retainers }) {
        const [oldest] = sessions
        const note = !oldest || !(oldest.seconds > 60) ? null
            : h("p", { class: `note ${oldest.seconds > 300 ? "bad" : "warn"}` },
                `What died in the last ${duration(oldest.seconds)} can't be removed: pid ${oldest.pid} (${oldest.application || "no name"}) has kept a snapshot since then, and is ${oldest.state ?? "at work"}.`)
        return [
            head("Snapshots"), note,
            part("Sessions, the oldest snapshot first", table("Sessions", ["Process", "Who", "From", "State", "#Open for", "#Age, in transactions", "Query"],
                sessions.map((one) => ({
                    key: String(one.pid),
                    cells: [
                        one.pid, who(one), one.client ?? "this machine", one.state === "idle in transaction" ? h("span", { class: "tag bad" }, one.state) : one.state ?? one.kind,
                        duration(one.seconds), whole(one.age), h("code", {}, one.query ?? ""),
                    ],
                })), "Nobody holds a snapshot.")),
            part("Slots, prepared transactions, replicas", table("What else keeps old rows", ["Name", "Kind", "State", "#Age, in transactions", "#WAL kept"],
                retainers.map((one) => ({
                    key: `${one.kind} ${one.name}`,
                    cells: [one.name, one.kind, one.active == null ? "–" : one.active ? "active" : h("span", { class: "tag bad" }, "inactive"), whole(one.age), size(one.bytes)],
                })), "There are none.")),
            h("p", { class: "quiet small more" }, "Of other users’ sessions the server tells only members of pg_read_all_stats."),
        ]
    },
}

export const locks = {
    title: "Locks",
    load: () => call("GET", "/v1/operator/locks"),
    render: ({ waiting }) => [head("Locks"),
        table("Sessions that wait for a lock", ["Process", "Who", "#Waits for", "Lock", "Query", "In the way"], waiting.map((one) => ({
            key: String(one.pid),
            cells: [
                one.pid, who(one), duration(one.seconds), `${one.mode} on ${one.relation ?? one.kind}`, h("code", {}, one.query ?? ""),
                h("div", { class: "stack" }, one.blockers.map((blocker) => h("div", { "data-key": String(blocker.pid) },
                    h("strong", {}, `Process ${blocker.pid}`), ", ", who(blocker), `, ${blocker.state ?? "gone"} for ${duration(blocker.seconds)}: `,
                    h("code", {}, blocker.query ?? "")))),
            ],
        })), "Nobody waits for a lock.")],
}

export const replicas = {
    title: "Replicas",
    load: () => call("GET", "/v1/operator/replicas"),
    render: ({ replicas }) => [head("Replicas"),
        table("Replicas", ["Replica", "From", "State", "Commit waits", "#Behind", "#Written after", "#Flushed after", "#Replayed after"], replicas.map((one) => ({
            key: `${one.name} ${one.client}`,
            cells: [
                one.name || "no name", one.client ?? "this machine", one.state, one.sync, size(one.bytes_behind), duration(one.write_seconds),
                duration(one.flush_seconds), duration(one.replay_seconds),
            ],
        })), "No replica streams from this server.")],
}

export const acts = {
    async pauseSchedule({ name }) {
        const isMeant = await confirm({ title: `Pause ${name}?`, action: "Pause", text: "Times that come meanwhile are missed ones." })
        if (!isMeant) return
        await call("POST", `/v1/operator/schedules/${encodeURIComponent(name)}/pause`)
        toast(`${name} is paused`)
    },
    async resumeSchedule({ name }) {
        await call("POST", `/v1/operator/schedules/${encodeURIComponent(name)}/resume`)
        toast(`${name} goes on`)
    },
}
