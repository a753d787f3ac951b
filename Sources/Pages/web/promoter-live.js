// One on-sale: how it goes, its codes, its seats and its papers.
import { $, h, say } from "./dom.js"
import { barChart, timeChart } from "./charts.js"
import { codes } from "./promoter-codes.js"
import { controls } from "./promoter-controls.js"
import { papers } from "./promoter-papers.js"
import { room } from "./promoter-seats.js"
import { call, isReadOnly, session } from "./session.js"
import { counted, digits, money, notes, percent, stateTag, when } from "./promoter-words.js"

const every = 2000
/// Looks of this page that are kept beside what the server has sampled.
const kept = 900

/// The view of an on-sale, and of which of its parts.
export async function live(id, part) {
    const record = await call("GET", `/v1/promoter/on-sales/${id}`)
    const tag = h("span", { id: "state" }, stateTag(record))
    const tabs = [["", "Live"], ["codes", "Codes"], ["seats", "Seats"], ["papers", "Papers"]]
    const content = h("div", { id: "content" })
    const element = h("section", { "aria-labelledby": "sale-title" },
        h("p", { class: "small" }, h("a", { href: "#/" }, "All on-sales")),
        h("div", { class: "head" },
            h("div", { class: "title" },
                h("div", { class: "row" }, h("h1", { id: "sale-title" }, record.title), tag),
                h("p", { class: "quiet" }, `${record.venue}, ${record.city} · ${when(record.starts_at)}`)),
            h("a", { class: "button", href: `/on-sales/${id}`, target: "_blank" }, "The buyers’ page", h("span", { class: "unseen" }, " (opens in a new tab)"))),
        h("nav", { class: "tabs", "aria-label": "Parts of this on-sale" }, tabs.map(([name, text]) =>
            h("a", { class: "tab", href: `#/${id}${name && `/${name}`}`, "aria-current": name === part ? "page" : null }, text))),
        content)
    const views = { codes: () => codes(id, record), seats: () => seats(id), papers: () => papers(id, record) }
    const view = views[part] ? await views[part]() : await overview(id, record, tag)
    content.append(view.element)
    return { title: record.title, element, leaving: view.leaving ?? null }
}

async function overview(id, record, tag) {
    const curves = await call("GET", `/v1/promoter/on-sales/${id}/curves`)
    const points = curves.at.map((at, index) => ({
        at: Date.parse(at), joined: curves.joined[index], serving: curves.serving[index], active: curves.active[index],
        entered: curves.entered[index], held: curves.held[index], revenue: curves.revenue[index], sold: curves.sold[index],
    }))
    const first = await call("GET", `/v1/promoter/on-sales/${id}/numbers`)
    const beat = h("span", { class: "beat", role: "status" }, "Live")
    const figures = figureList()
    const places = digits(first.revenue.currency)
    const charts = {
        sold: timeChart({ title: "Sold, by tier", series: first.tiers.map(({ name }) => ({ name })), stacked: true }),
        line: timeChart({ title: "The line", series: [{ name: "Joined" }, { name: "Called" }] }),
        inside: timeChart({ title: "Inside", series: [{ name: "Buyers" }, { name: "Tickets held" }] }),
        inflow: timeChart({ title: "A minute", series: [{ name: "Join" }, { name: "Come in" }], format: (value) => Math.round(value).toLocaleString() }),
        revenue: timeChart({ title: "Money", series: [{ name: "Sold" }], least: 10 ** (places + 1), format: (value) => money({ amount: Math.round(value), currency: first.revenue.currency }) }),
        tiers: barChart({ title: "Tickets", parts: ["sold", "held or being paid", "free"] }),
        way: barChart({ title: "From the line to a ticket", parts: ["buyers"], isOneColour: true }),
    }
    const hands = isReadOnly() ? null : controls(id, record, look)
    const main = h("div", { class: "measure" }, h("h2", { class: "unseen" }, "How it goes"), h("div", { class: "stack" }, figures.element,
        h("div", { class: "curves" },
            ["sold", "tiers", "line", "inside", "inflow", "way", "revenue"].map((name) => h("div", { class: "card" }, charts[name].element)))))
    const element = h("div", {}, h("p", { class: "row" }, beat, hands && h("button", { type: "button", class: "small jump", onclick: () => { hands.element.scrollIntoView(); $("button, input", hands.element)?.focus() } }, "To the controls")), h("div", { class: hands ? "live" : "" }, main, hands && h("aside", { "aria-label": "Controls" }, hands.element)))

    let timer = null
    let isLeft = false

    function take(numbers) {
        points.push({
            at: Date.parse(numbers.as_of), joined: numbers.line.joined, serving: numbers.line.serving, active: numbers.door.active,
            entered: numbers.door.entered, revenue: numbers.revenue.amount, sold: numbers.tiers.map((tier) => tier.sold),
            held: numbers.tiers.reduce((sum, tier) => sum + tier.held + tier.paying, 0),
        })
        // The oldest of this page's looks are thinned out, so that a day on the desk is no longer than a morning.
        if (points.length > kept) for (let index = points.length - 200; index > 0; index -= 2) points.splice(index, 1)
        figures.show(numbers)
        hands?.show(numbers)
        tag.replaceChildren(stateTag(numbers))
        draw(numbers)
    }

    function draw(numbers) {
        const times = points.map((point) => point.at)
        const column = (name) => points.map((point) => point[name])
        charts.sold.show(times, numbers.tiers.map((_, tier) => points.map((point) => point.sold[tier] ?? 0)))
        charts.line.show(times, [column("joined"), column("serving")])
        charts.inside.show(times, [column("active"), column("held")], { limit: numbers.door.active_limit })
        charts.revenue.show(times, [column("revenue")])
        charts.inflow.show(times, [perMinute(points, "joined"), perMinute(points, "entered")])
        charts.tiers.show(numbers.tiers.map((tier) => ({
            name: tier.name, total: tier.capacity, parts: [tier.sold, tier.held + tier.paying, tier.free],
            note: `${percent(tier.sold, tier.capacity)} of ${tier.capacity.toLocaleString()} · ${money(tier.price)}`,
        })))
        const { line, door } = numbers
        charts.way.show([["Joined", line.joined], ["Called", line.called], ["Came in", door.entered], ["Bought", door.bought]].map(([name, value], index, all) => ({
            name, total: Math.max(line.joined, 1), parts: [value],
            note: index ? `${value.toLocaleString()} · ${percent(value, all[index - 1][1])} of those before` : value.toLocaleString(),
        })))
    }

    async function look() {
        clearTimeout(timer)
        let wait = every
        try {
            const numbers = await call("GET", `/v1/promoter/on-sales/${id}/numbers`)
            if (isLeft) return
            take(numbers)
            say(beat, "Live")
            beat.classList.remove("late")
            if (["closed", "cancelled"].includes(numbers.state)) wait = 10 * every
        } catch (problem) {
            if (isLeft || !session()) return
            say(beat, `Not live since ${new Date(points.at(-1)?.at ?? Date.now()).toLocaleTimeString()}: the box office does not answer`)
            beat.classList.add("late")
            wait = 2 * every
        }
        clearTimeout(timer)
        if (!isLeft && !document.hidden) timer = setTimeout(look, wait)
    }
    const seen = () => document.hidden ? clearTimeout(timer) : look()
    document.addEventListener("visibilitychange", seen)
    // The charts are as wide as they are only once they are shown.
    take(first)
    timer = setTimeout(look, every)
    return {
        element,
        leaving: () => { isLeft = true; clearTimeout(timer); document.removeEventListener("visibilitychange", seen) },
    }
}

/// How many came in a minute, over the last minute or what there is of it.
function perMinute(points, name) {
    let from = 0
    return points.map((point, index) => {
        while (from < index && points[from].at < point.at - 60_000) from += 1
        // One that is a little older bounds the minute better than a shorter stretch does.
        const before = points[Math.max(0, from - (from && points[from].at > point.at - 50_000 ? 1 : 0))]
        const minutes = Math.max((point.at - before.at) / 60_000, 1 / 6)
        return (point[name] - before[name]) / minutes
    })
}

function figureList() {
    const names = ["Waiting", "Serving", "Inside", "Held", "Sold", "Money", "Buy something", "Miss their turn"]
    const cells = names.map((name) => ({ name, big: h("div", { class: "big" }), hint: h("div", { class: "hint" }) }))
    const element = h("dl", { class: "figures", id: "figures" }, cells.map(({ name, big, hint }) => h("div", {}, h("dt", {}, name), h("dd", {}, big, hint))))
    function show({ line, door, tiers, revenue, note, paused_at }) {
        const sum = (name) => tiers.reduce((all, tier) => all + tier[name], 0)
        const whole = sum("capacity")
        const values = [
            [line.waiting.toLocaleString(), `${line.joined.toLocaleString()} joined`],
            [line.serving.toLocaleString(), `${line.called_last_minute.toLocaleString()} called in the last minute, at most ${door.rate_per_minute.toLocaleString()}`],
            [door.active.toLocaleString(), `of ${door.active_limit.toLocaleString()} · ${paused_at ? "paused" : notes[note] ?? "not calling"}`],
            [(sum("held") + sum("paying")).toLocaleString(), `${sum("free").toLocaleString()} free`],
            [sum("sold").toLocaleString(), `${percent(sum("sold"), whole)} of ${whole.toLocaleString()}`],
            [money(revenue), "without what was refunded"],
            [percent(door.bought, door.ended), `${counted(door.bought, "buyer")} of ${door.ended.toLocaleString()} who are through`],
            [percent(line.missed, line.called - line.turns_open), `${line.missed.toLocaleString()} of ${line.called.toLocaleString()} called`],
        ]
        values.forEach(([big, hint], index) => {
            say(cells[index].big, big)
            say(cells[index].hint, hint)
        })
    }
    return { element, show }
}

async function seats(id) {
    const place = h("div", {}, h("p", { class: "quiet" }, "Reading the seats…"))
    const [plan, numbers] = await Promise.all([call("GET", `/v1/promoter/on-sales/${id}/plan`), call("GET", `/v1/promoter/on-sales/${id}/numbers`)])
    let timer = null
    let isLeft = false
    async function look() {
        try {
            const map = await call("GET", `/v1/on-sales/${id}/seats`)
            if (isLeft) return
            const standing = plan.sections.filter((section) => section.standing).map((section) => ({
                ...section, name: section.name ?? section.id, rows: [], capacity: section.standing,
            }))
            place.replaceChildren(h("div", { class: "card stack" },
                h("p", { class: "quiet" }, "Full colour is free, faint is held, grey is sold."),
                room([...map.sections, ...standing], numbers.tiers)))
        } catch (problem) {
            if (isLeft || !session()) return
            if (!$(".section", place)) place.replaceChildren(h("p", { class: "note warn" }, `The seats can't be read now: ${problem.message}`))
        }
        if (!isLeft) timer = setTimeout(look, 5000)
    }
    await look()
    return { element: h("div", {}, h("h2", { class: "unseen" }, "Seats"), place), leaving: () => { isLeft = true; clearTimeout(timer) } }
}
