// The promoter's desk: signing in, the list of on-sales, and the way to the other views.
import { $, h, toast } from "./dom.js"
import { call, isReadOnly, restore, session, signInForm, signOut } from "./session.js"
import { live } from "./promoter-live.js"
import { planForm } from "./promoter-plan.js"
import { stateTag, when } from "./promoter-words.js"

const main = $("#main")
let leave = null

/// Shows a view: an element, and what to do when it is left.
function show(title, element, leaving = null) {
    leave?.()
    leave = leaving
    document.title = `${title} · Usher`
    main.replaceChildren(element)
    for (const tab of document.querySelectorAll("#nav .tab")) {
        const isHere = tab.hash === (location.hash === "#/new" ? "#/new" : "#/")
        if (isHere) tab.setAttribute("aria-current", location.hash === tab.hash || location.hash === "" ? "page" : "true")
        else tab.removeAttribute("aria-current")
    }
}

function frame() {
    const who = session()
    $("#nav").hidden = !who
    $("#nav").replaceChildren(...(who ? [
        h("a", { class: "tab", href: "#/" }, "On-sales"),
        !isReadOnly() && !who.scopes.length && h("a", { class: "tab", href: "#/new" }, "Schedule one"),
    ].filter(Boolean) : []))
    $("#who").replaceChildren(...(who ? [
        h("span", { class: "quiet" }, who.label),
        ...who.scopes.map((scope) => h("span", { class: "tag" }, scope === "read" ? "looks only" : scope)),
        h("button", { class: "small", onclick: async () => { await signOut(); route() } }, "Sign out"),
    ] : []))
}

async function route() {
    frame()
    if (!session()) {
        show("Sign in", signInForm({
            role: "promoter", title: "Sign in to your desk", intro: "With the key that the operator made for you.",
            done: () => { route(); main.focus() },
        }))
        return
    }
    const [name = "", part = ""] = location.hash.replace(/^#\/?/, "").split("/")
    try {
        if (name === "new") {
            const { element, leaving } = planForm((id) => { location.hash = `#/${id}` })
            show("Schedule an on-sale", element, leaving)
        } else if (name.startsWith("os_")) {
            const { title, element, leaving } = await live(name, part)
            show(title, element, leaving)
        } else {
            show("On-sales", await list())
        }
    } catch (problem) {
        if (!session()) return
        show("Not found", h("section", { class: "card stack" },
            h("h1", {}, problem.status === 404 ? "There is no such on-sale" : "This can't be shown now"),
            h("p", {}, problem.message ?? "The box office does not answer."),
            h("p", {}, h("a", { href: "#/" }, "To all on-sales"))))
    }
}

async function list() {
    const sales = []
    for (let after = null; ;) {
        const page = await call("GET", `/v1/promoter/on-sales?limit=200${after ? `&after=${after}` : ""}`)
        sales.push(...page.on_sales)
        if (!(after = page.next)) break
    }
    const isOver = (sale) => ["closed", "cancelled"].includes(sale.state)
    // What goes on first, what comes next, and what is over last.
    const soon = (sale) => isOver(sale) ? 2 : sale.state === "scheduled" ? 1 : 0
    sales.sort((a, b) => soon(a) - soon(b) || (isOver(a) ? -1 : 1) * a.starts_at.localeCompare(b.starts_at))
    const mayAdd = !isReadOnly() && !session().scopes.length
    return h("section", { "aria-labelledby": "sales-title" },
        h("div", { class: "head" },
            h("h1", { id: "sales-title" }, "On-sales"),
            mayAdd && h("a", { class: "button primary", href: "#/new" }, "Schedule an on-sale")),
        sales.length ? h("ul", { class: "sales" }, sales.map((sale) => h("li", { class: "card sale" },
            h("div", {},
                h("h2", {}, h("a", { href: `#/${sale.id}` }, sale.title)),
                h("p", { class: "when" }, `${sale.venue}, ${sale.city} · ${when(sale.starts_at)}`)),
            h("div", { class: "far" }, stateTag(sale),
                h("span", { class: "quiet small number" }, sale.last ? `${sale.last.toLocaleString()} in line so far` : "nobody has joined yet")))))
            : h("div", { class: "card empty-list" },
                h("p", {}, "Nothing is scheduled."),
                mayAdd && h("a", { class: "button", href: "#/new" }, "Schedule the first on-sale")))
}

addEventListener("hashchange", async () => { await route(); main.focus(); scrollTo(0, 0) })
addEventListener("signed-out", () => { toast("You were signed out. Sign in again to go on."); route() })

try {
    await restore()
    await route()
} catch {
    main.replaceChildren(h("p", { class: "note bad" }, "The box office does not answer. ",
        h("button", { class: "small", onclick: () => location.reload() }, "Try again")))
}
