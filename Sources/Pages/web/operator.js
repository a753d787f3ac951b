// The operator's board: who is signed in, which view is shown, and when it is asked for anew.
import { $, Problem, h, say, toast } from "./dom.js"
import { isReadOnly, restore, session, signInForm, signOut } from "./session.js"
import { morph } from "./operator-morph.js"
import { to } from "./operator-parts.js"
import * as queues from "./operator-queues.js"
import * as runs from "./operator-runs.js"
import * as run from "./operator-run.js"
import * as jobs from "./operator-jobs.js"
import * as server from "./operator-server.js"
import * as house from "./operator-lights.js"

const views = {
    overview: queues.overview, queues: queues.queues, workers: queues.workers, runs: runs.runs, run: run.run,
    jobs: jobs.jobs, job: jobs.job, "dead-letters": jobs.letters, schedules: server.schedules, tables: server.tables,
    snapshots: server.snapshots, locks: server.locks, replicas: server.replicas, promises: house.lights, actions: house.actions,
}
const groups = [
    ["House", ["overview", "promises", "actions"]],
    ["Work", ["queues", "workers", "runs", "jobs", "dead-letters", "schedules"]],
    ["Database", ["tables", "snapshots", "locks", "replicas"]],
]
/// Where a view stands in the navigation.
const parents = { run: "runs", job: "jobs" }
const acts = { ...queues.acts, ...runs.acts, ...run.acts, ...jobs.acts, ...server.acts }

const top = $("#top"), nav = $("#views"), main = $("#main")
const asOf = h("span", { class: "asof" })
const pause = h("button", { type: "button", class: "small", "aria-pressed": "false", onclick: togglePause }, "Pause updates")
let isPaused = false
let timer
/// What was asked for last; the answer to anything older is thrown away.
let turn = 0

function place() {
    const [path, query = ""] = location.hash.slice(1).split("?")
    const [name, id = ""] = path.split("/")
    const known = Object.hasOwn(views, name) ? name : "overview"
    return { name: known, view: views[known], id, parameters: Object.fromEntries(new URLSearchParams(query)) }
}

function frame() {
    top.hidden = nav.hidden = false
    main.classList.remove("alone")
    const find = h("input", { id: "find", name: "id", inputmode: "numeric", placeholder: "Run or job number", "aria-label": "Run or job number", autocomplete: "off" })
    top.replaceChildren(
        h("span", { class: "brand" }, "Usher, operator’s board"), asOf, pause,
        h("form", { role: "search", "aria-label": "Go to a number", onsubmit: go }, find, h("button", { class: "small" }, "Go")),
        h("span", { class: "quiet small" }, session().label),
        ...(isReadOnly() ? [h("span", { class: "tag" }, "only looks")] : []),
        h("button", { type: "button", class: "small", onclick: leave }, "Sign out"))
    nav.replaceChildren(...groups.flatMap(([group, names]) => {
        const id = `group-${group}`
        return [h("h2", { id }, group), h("ul", { "aria-labelledby": id }, names.map((name) =>
            // With its path: a bare fragment that stands outside of the screen passes for a link that skips to an element.
            h("li", {}, h("a", { href: location.pathname + to(name), "data-view": name }, views[name].title))))]
    }))
}

function go(event) {
    event.preventDefault()
    const number = event.target.elements.id.value.trim()
    if (!/^\d+$/.test(number)) return toast("A number is wanted")
    event.target.reset()
    location.hash = to(`run/${number}`)
}

function togglePause() {
    isPaused = !isPaused
    pause.setAttribute("aria-pressed", String(isPaused))
    if (isPaused) clearTimeout(timer)
    else show()
}

async function leave() {
    await signOut()
    askForKey()
}

function askForKey(note) {
    clearTimeout(timer)
    turn++
    top.hidden = nav.hidden = true
    document.title = "Sign in · Usher"
    main.classList.add("alone")
    document.querySelector("dialog")?.close()
    const form = signInForm({
        role: "operator", title: "The operator’s board", intro: note ?? "Sign in with an API key of the role operator.",
        done() {
            frame()
            show({ isNew: true })
        },
    })
    main.replaceChildren(form)
    $("#key").focus()
}

/// Asks for what the view shows, and brings the page up to date with it.
async function show({ isNew = false } = {}) {
    clearTimeout(timer)
    const own = ++turn
    const { name, view, id, parameters } = place()
    if (isNew) {
        for (const link of nav.querySelectorAll("a")) {
            if (link.dataset.view !== (parents[name] ?? name)) {
                link.removeAttribute("aria-current")
                continue
            }
            link.setAttribute("aria-current", "page")
            // On a phone the views are a strip.
            nav.scrollLeft = link.offsetLeft - nav.offsetLeft - nav.clientWidth / 3
        }
        document.title = `${view.title}${id ? ` ${id}` : ""} · Operator · Usher`
        main.setAttribute("aria-busy", "true")
    }
    try {
        const found = await view.load(parameters, id)
        if (own !== turn || !found) return
        const content = view.render(found, parameters).flat().filter(Boolean)
        if (isReadOnly()) for (const element of content) hideOrders(element)
        if (isNew) main.replaceChildren(...content)
        else morph(main, content)
        say(asOf, `as of ${new Date().toLocaleTimeString("en-GB")}`)
    } catch (problem) {
        if (own !== turn || !session()) return
        fail(problem, isNew)
    }
    if (isNew) {
        main.removeAttribute("aria-busy")
        main.dataset.shown = location.hash
    }
    plan(view)
}

function hideOrders(element) {
    for (const order of element.querySelectorAll("[data-do], .bulk, input.scale")) order.remove()
    if (element.matches(".bulk")) element.replaceChildren()
}

function fail(problem, isNew) {
    const text = problem instanceof Problem ? problem.message : "The gateway does not answer. What is shown is old; it is tried again."
    if (isNew) return main.replaceChildren(h("h1", {}, place().view.title), h("p", { class: "note bad more", role: "alert" }, text))
    say(asOf, text)
}

function plan(view) {
    clearTimeout(timer)
    if (isPaused || document.hidden || !session()) return
    timer = setTimeout(() => {
        // Whoever is being asked something looks at what they were asked about.
        if ($("dialog[open]")) plan(view)
        else show()
    }, (view.every ?? 4) * 1000)
}

async function act(element) {
    const { do: name, ...data } = element.dataset
    const { id, parameters } = place()
    if (element.getAttribute("aria-disabled") === "true") return
    element.setAttribute("aria-disabled", "true")
    try {
        await acts[name](data, parameters, id)
    } catch (problem) {
        if (session()) toast(problem instanceof Problem ? problem.message : "The gateway does not answer; nothing is known of what was asked.")
    } finally {
        element.removeAttribute("aria-disabled")
    }
    if (session()) await show()
}

main.addEventListener("click", (event) => {
    const element = event.target.closest("[data-do]")
    if (element) act(element)
})
main.addEventListener("submit", (event) => {
    const { view } = event.target.dataset
    if (!view) return
    event.preventDefault()
    location.hash = to(view, Object.fromEntries(new FormData(event.target)))
})
addEventListener("hashchange", async () => {
    if (!session()) return
    await show({ isNew: true })
    main.focus({ preventScroll: true })
    scrollTo(0, 0)
})
document.addEventListener("visibilitychange", () => {
    if (!session()) return
    if (document.hidden) clearTimeout(timer)
    else if (!isPaused) show()
})
addEventListener("signed-out", () => askForKey("Your session is over. Sign in again to go on."))

try {
    if ((await restore())?.role === "operator") {
        frame()
        await show({ isNew: true })
    } else {
        askForKey()
    }
} catch {
    main.replaceChildren(h("p", { class: "note bad", role: "alert" }, "The gateway does not answer. Load the page again in a moment."))
}
