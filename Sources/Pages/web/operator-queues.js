// Queues, pools and workers, and all of it at a glance.
import { h, toast } from "./dom.js"
import { call } from "./session.js"
import { button, confirm, count, duration, head, instant, part, spark, table, tag, to, whole } from "./operator-parts.js"

/// How many were ready at each look, for the small lines.
const depths = new Map()

function remember(queues) {
    for (const { name, ready } of queues) {
        const known = depths.get(name) ?? []
        known.push(ready)
        if (known.length > 60) known.shift()
        depths.set(name, known)
    }
}

/// After so many seconds without a sign of life a worker's claims are given away.
const isSilent = (worker) => Date.now() - new Date(worker.heartbeat_at) > 15_000

const sum = (list, value) => list.reduce((total, element) => total + value(element), 0)

export const overview = {
    title: "Overview",
    async load() {
        const [{ queues }, { workers, pools }, { lights }, { sessions }, { waiting }, { replicas }] = await Promise.all(
            ["queues", "workers", "audit", "snapshots", "locks", "replicas"].map((name) => call("GET", `/v1/operator/${name}`)))
        remember(queues)
        return { queues, workers, pools, lights, sessions, waiting, replicas }
    },
    render({ queues, workers, pools, lights, sessions, waiting, replicas }) {
        const broken = lights.filter((one) => one.state === "broken").length
        const kept = lights.filter((one) => one.state === "kept").length
        const dead = sum(queues, (queue) => queue.dead_letters)
        const failed = sum(queues, (queue) => queue.failed_last_minute)
        const oldest = Math.max(0, ...queues.map((queue) => queue.oldest_seconds ?? 0))
        const wanted = sum(pools, (pool) => pool.workers)
        const old = sessions[0]
        const behind = Math.max(0, ...replicas.map((replica) => replica.replay_seconds ?? 0))
        const tile = (name, number, href, more, tone = "") => h("a", { class: `tile ${tone}`, href, "data-key": name },
            h("span", {}, name), h("b", {}, number), h("span", { class: "quiet small" }, more))
        return [
            head("Overview"),
            h("div", { class: "tiles" },
                tile("Promises", broken ? `${broken} broken` : `${kept} kept`, to("promises"),
                    `of ${lights.length} that are looked at`, broken ? "bad" : ""),
                tile("Ready", whole(sum(queues, (queue) => queue.ready)), to("jobs", { state: "ready" }),
                    oldest ? `the first has waited ${duration(oldest)}` : "nobody waits", oldest > 60 ? "warn" : ""),
                tile("Running", whole(sum(queues, (queue) => queue.held)), to("jobs", { state: "running" }), "held by workers"),
                tile("Failed", whole(failed), to("dead-letters"), "for good in the last minute", failed ? "warn" : ""),
                tile("Dead letters", whole(dead), to("dead-letters"), "wait for somebody", dead ? "warn" : ""),
                tile("Failed runs", "look", to("runs", { state: "failed" }), "with their timelines"),
                tile("Workers", whole(workers.length), to("workers"), wanted ? `of ${wanted} wanted` : "alive",
                    workers.some(isSilent) || !workers.length ? "bad" : ""),
                tile("Oldest snapshot", old ? duration(old.seconds) : "none", to("snapshots"),
                    old ? `pid ${old.pid}, ${old.application || "no name"}` : "nobody holds old rows",
                    old?.seconds > 300 ? "bad" : old?.seconds > 60 ? "warn" : ""),
                tile("Waiting for locks", whole(waiting.length), to("locks"), waiting.length ? "sessions" : "nobody",
                    waiting.some((one) => one.seconds > 5) ? "bad" : waiting.length ? "warn" : ""),
                tile("Replicas", whole(replicas.length), to("replicas"),
                    replicas.length ? `at most ${duration(behind)} behind` : "none streams", behind > 10 ? "bad" : "")),
            part("Queues", queueTable(queues)),
        ]
    },
}

function queueTable(queues) {
    return table("Queues", ["Queue", "#Ready", "Trend", "#Running", "#Blocked", "#Oldest", "#Done a minute", "#Failed a minute", "#Dead letters", "State", ""],
        queues.map((queue) => {
            const name = queue.name
            return {
                key: name,
                cells: [
                    h("a", { href: to("jobs", { queue: name }) }, name),
                    count(queue.ready, to("jobs", { queue: name, state: "ready" }), { label: `ready in ${name}` }),
                    spark(depths.get(name) ?? []) ?? "",
                    count(queue.held, to("jobs", { queue: name, state: "running" }), { label: `running of ${name}` }),
                    count(queue.blocked, to("jobs", { queue: name, state: "blocked" }), { about: queue.blocked_is_estimate, label: `blocked in ${name}` }),
                    queue.oldest_seconds == null ? "–"
                        : h("a", { href: to("jobs", { queue: name, state: "ready" }) }, duration(queue.oldest_seconds)),
                    count(queue.done_last_minute, to("jobs", { queue: name, state: "done" }), { label: `done a minute in ${name}` }),
                    count(queue.failed_last_minute, to("dead-letters", { queue: name }), { label: `failed a minute in ${name}` }),
                    count(queue.dead_letters, to("dead-letters", { queue: name }), { about: queue.dead_letters_is_estimate, label: `dead letters of ${name}` }),
                    tag(queue.paused ? "paused" : "open"),
                    queue.paused ? button(`Resume ${name}`, "resumeQueue", { name }) : button(`Pause ${name}`, "pauseQueue", { name }),
                ],
            }
        }), "There is no queue yet: a worker makes those it serves.")
}

export const queues = {
    title: "Queues",
    async load() {
        const answer = await call("GET", "/v1/operator/queues")
        remember(answer.queues)
        return answer
    },
    render: ({ queues }) => [head("Queues"), queueTable(queues),
        h("p", { class: "quiet small more" }, "No table is counted for this: “ready” is what Postgres keeps of each lane and may lag by a second. “Done a minute” is of plain jobs; how runs go is under Runs.")],
}

export const workers = {
    title: "Workers",
    load: () => call("GET", "/v1/operator/workers"),
    render({ workers, pools }, { pool }) {
        const shown = workers.filter((worker) => !pool || worker.pool === pool)
        const names = [...new Set([...pools.map((one) => one.name), ...workers.map((worker) => worker.pool)])].sort()
        return [
            head(pool ? `Workers of ${pool}` : "Workers", pool ? h("a", { class: "button small", href: to("workers") }, "All pools") : null),
            part("Pools", table("Pools", ["Pool", "Queues", "#Wanted", "#Given", "#Running", "Scale", ""], names.map((name) => {
                const wanted = pools.find((one) => one.name === name)
                const own = workers.filter((worker) => worker.pool === name)
                const id = `scale-${name}`
                return {
                    key: name,
                    cells: [
                        h("a", { href: to("workers", { pool: name }) }, name),
                        (wanted?.queues ?? [...new Set(own.flatMap((worker) => worker.queues))]).join(", "),
                        wanted ? whole(wanted.workers) : "–",
                        count(own.length, to("workers", { pool: name }), { label: `workers of ${name}` }),
                        `${whole(sum(own, (worker) => worker.running))} of ${whole(sum(own, (worker) => worker.capacity))}`,
                        wanted && h("span", {}, h("label", { for: id, class: "unseen" }, `Workers wanted of ${name}`),
                            h("input", { id, class: "scale", type: "number", min: 0, max: 64, value: wanted.workers })),
                        wanted && button(`Scale ${name}`, "scalePool", { name, from: wanted.workers }),
                    ],
                }
            }), "There is no pool. `usher up` makes them; workers that are started by hand need none.")),
            part("Workers", table("Workers", ["Worker", "Pool", "Where", "Queues", "#Running", "Started", "State"], shown.map((worker) => ({
                key: worker.id,
                cells: [
                    worker.id, h("a", { href: to("workers", { pool: worker.pool }) }, worker.pool), `${worker.host}, process ${worker.process}`,
                    worker.queues.join(", "), `${whole(worker.running)} of ${whole(worker.capacity)}`, instant(worker.started_at),
                    tag(worker.draining ? "draining" : isSilent(worker) ? "silent" : "working"),
                ],
            })), "Nobody works.")),
        ]
    },
}

export const acts = {
    async pauseQueue({ name }) {
        const isMeant = await confirm({
            title: `Pause ${name}?`, action: "Pause",
            text: "What runs goes on. Nothing more is started from this queue until somebody resumes it.",
        })
        if (!isMeant) return
        await call("POST", `/v1/operator/queues/${encodeURIComponent(name)}/pause`)
        toast(`${name} is paused`)
    },
    async resumeQueue({ name }) {
        await call("POST", `/v1/operator/queues/${encodeURIComponent(name)}/resume`)
        toast(`${name} goes on`)
    },
    async scalePool({ name, from }) {
        const field = document.getElementById(`scale-${name}`)
        const workers = Number(field.value)
        if (!field.value || !field.checkValidity()) return toast("A pool has from 0 to 64 workers")
        const isMeant = await confirm({
            title: `Scale ${name} from ${from} to ${workers}?`, action: "Scale", danger: workers === 0,
            text: workers === 0 ? "Then nobody serves its queues." : workers < from
                ? "Workers that go finish what they run first." : "Whoever supervises the workers starts them.",
        })
        if (!isMeant) return
        await call("POST", `/v1/operator/pools/${encodeURIComponent(name)}/scale`, { body: { workers } })
        toast(`${name} is to have ${workers} ${workers === 1 ? "worker" : "workers"}`)
    },
}
