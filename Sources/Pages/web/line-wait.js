// What is shown to those who wait: before the start, and in the line.

import { h, say } from "./dom.js"
import { t, learn, number, money, moment, remaining, list } from "./i18n.js"
import { app, announce, dress, identity, join, leave, reason } from "./line.js"

// MARK: Parts

/// A card with a title and a text.
export function card(title, text, ...children) {
    return h("section", { class: "card stack" }, h("h2", {}, t(title)), text && h("p", {}, text), ...children)
}

/// A clock that runs down; `update` is given the moment it runs to.
export function clock(label) {
    const value = h("span", { class: "clock number" })
    const element = h("div", { class: "timer", role: "timer" }, h("span", { class: "quiet" }, t(label)), value)
    return { element, update: (instant) => say(value, remaining(app.until(instant))) }
}

/// A button that does something, and says beside it why it could not.
export function action(label, doing, attributes = {}) {
    const problem = h("p", { class: "problem", role: "alert", hidden: true })
    const button = h("button", { type: "button", ...attributes, onclick: run }, label)
    async function run(event) {
        event?.preventDefault()
        if (button.getAttribute("aria-disabled") === "true") return
        // Not `disabled`: the focus would be lost.
        button.setAttribute("aria-disabled", "true")
        problem.hidden = true
        try {
            await doing()
        } catch (error) {
            say(problem, reason(error))
            problem.hidden = false
        } finally {
            button.removeAttribute("aria-disabled")
        }
    }
    return { element: h("div", { class: "action" }, button, problem), button, problem, run }
}

/// A list of names and values, in the order of `labels`; `set` shows those that are not null.
function facts(...labels) {
    const element = h("dl", { class: "facts" })
    const rows = new Map()
    return {
        element,
        set(label, text) {
            let row = rows.get(label)
            if (text == null) {
                row?.forEach((part) => part.remove())
                rows.delete(label)
                return
            }
            if (!row) {
                row = [h("dt", {}, t(label)), h("dd", { class: "number" })]
                rows.set(label, row)
                const next = labels.slice(labels.indexOf(label) + 1).find((other) => rows.has(other) && other !== label)
                for (const part of row) element.insertBefore(part, next ? rows.get(next)[0] : null)
            }
            say(row[1], text)
        },
    }
}

// MARK: Views

function scheduled() {
    const opens = clock("scheduled.clock")
    return {
        element: card("scheduled.title", t("scheduled.text"), opens.element),
        update: () => opens.update(app.onSale.opens_at),
    }
}

function joining() {
    const isLate = app.until(app.onSale.starts_at) <= 0
    const starts = clock("starts.clock")
    const { groups, invitation_only: needsCode, buyers } = app.onSale
    const code = h("input", { id: "code", maxlength: "64", autocomplete: "off", autocapitalize: "none", spellcheck: "false" })
    const field = groups.length && h("div", { class: "field" },
        h("label", { for: "code" }, t(needsCode ? "join.code.needed" : "join.code")), code,
        h("p", { class: "hint" }, t("join.code.hint", { groups: list(groups.map((group) => group.name)) })))
    const button = action(t("join.button"), () => join(code.value.trim()), { class: "primary wide", type: "submit" })
    const proven = buyers === "proven" && !identity().buyer
    const form = h("form", { class: "stack", novalidate: true }, field || null, button.element)
    return {
        element: card(isLate ? "join.late.title" : "join.title", t(isLate ? "join.late" : "join.text"),
            isLate ? null : starts.element, proven ? h("p", { class: "note warn" }, t("error.buyer_required")) : form),
        update: () => starts.update(app.onSale.starts_at),
    }
}

function joined() {
    const starts = clock("starts.clock")
    return {
        element: card("joined.title", t("joined.text"), starts.element, h("p", { class: "note good" }, t("keep"))),
        update: () => starts.update(app.onSale.starts_at),
    }
}

function drawing() {
    return { element: card("drawing.title", t("drawing.text"), h("progress", { "aria-label": t("drawing.title") })) }
}

/// Minutes in words, from the band in seconds.
function minutes(eta) {
    if (!eta) return t("waiting.unknown")
    const [from, to] = [Math.floor(eta.p25 / 60), Math.max(1, Math.ceil(eta.p75 / 60))]
    if (to <= 1) return t("waiting.soon")
    return from < 1 ? t("waiting.under", { n: to }) : t("waiting.minutes", { from, to, n: to })
}

function chance(share) {
    if (share == null) return null
    const word = share >= 0.9 ? "sure" : share >= 0.6 ? "likely" : share >= 0.3 ? "open" : "unlikely"
    return t(`chance.${word}`)
}

function waiting() {
    const big = h("span", { class: "big number" })
    const label = h("span", { class: "quiet" })
    const progress = h("progress", { max: 1, value: 0, "aria-label": t("waiting.progress") })
    const band = h("p", { class: "band" })
    const more = facts("waiting.number", "waiting.serving")
    const odds = h("p", { class: "quiet" })
    let said = ""
    return {
        element: card("waiting.title", null,
            h("div", { class: "ahead" }, big, label), progress, band, odds, more.element,
            h("p", { class: "note" }, t("keep"))),
        update() {
            const place = app.place
            const isAgain = place.ahead == null
            // A tick moves everyone on, before the own place is told again; nothing moves back.
            const ahead = isAgain ? null : Math.max(0, Math.min(place.ahead, place.number - app.status.serving - 1))
            big.hidden = progress.hidden = isAgain
            say(big, isAgain ? "" : number(ahead))
            say(label, isAgain ? t("waiting.again") : t("waiting.ahead", { n: ahead }))
            if (!isAgain) {
                progress.max = Math.max(1, place.number - 1)
                progress.value = Math.max(0, place.number - 1 - ahead)
                progress.textContent = `${number(Math.round(100 * progress.value / progress.max))} %`
            }
            const text = app.status.state === "paused" ? t("waiting.paused") : isAgain ? "" : minutes(place.eta_seconds)
            say(band, text)
            say(odds, chance(place.chance_left) ?? "")
            odds.hidden = place.chance_left == null
            more.set("waiting.number", place.number == null ? null : number(place.number))
            more.set("waiting.serving", number(app.status.serving))
            // By ear only when it means something: another band of minutes, or a stop.
            if (said !== text) announce(`${isAgain ? "" : t("waiting.ahead.said", { n: ahead })} ${text}`)
            said = text
        },
    }
}

/// The views by name.
export const views = { scheduled, join: joining, joined, drawing, waiting }

// MARK: Around them

/// What is left, in words: a number would be wrong by the time it is read.
export function left(tier) {
    if (tier.free === 0) return [t(tier.held > 0 ? "left.held" : "left.none"), tier.held > 0 ? "warn" : "bad"]
    const share = tier.free / tier.capacity
    if (share < 0.08) return [t("left.few"), "warn"]
    return share < 0.3 ? [t("left.some"), "warn"] : [t("left.plenty"), "good"]
}

/// Whom a tier is for, where that is not everybody.
export function restriction(tier) {
    if (!tier.only_for?.length) return null
    const names = tier.only_for.map((id) => app.onSale.groups.find((group) => group.id === id)?.name ?? id)
    return tier.public_at
        ? t("prices.until", { groups: list(names), time: moment(tier.public_at) }) : t("prices.only", { groups: list(names) })
}

function prices() {
    const range = h("p", { class: "quiet" })
    const rows = h("ul", { class: "prices" })
    const element = h("section", { class: "card stack" }, h("h2", {}, t("prices.title")), range, rows)
    let shown = ""
    return {
        element,
        update() {
            element.hidden = ["choose", "hold", "paying", "bought", "refunded"].includes(document.getElementById("main").dataset.view)
            const tiers = app.status.tiers
            const now = JSON.stringify(tiers)
            if (now === shown) return
            shown = now
            const amounts = tiers.map((tier) => tier.price.amount)
            const currency = tiers[0]?.price.currency
            const [from, to] = [Math.min(...amounts), Math.max(...amounts)]
            say(range, from === to ? money({ amount: from, currency }) : t("prices.range", {
                from: money({ amount: from, currency }), to: money({ amount: to, currency }),
            }))
            rows.replaceChildren(...tiers.map((tier) => {
                const [words, kind] = left(tier)
                const only = restriction(tier)
                return h("li", {},
                    h("span", {}, tier.name, only && h("span", { class: "quiet small" }, only)),
                    h("span", { class: "number" }, money(tier.price)), h("span", { class: `tag ${kind}` }, words))
            }))
        },
    }
}

function notes() {
    const element = h("div", { class: "stack" })
    let shown = ""
    return {
        element,
        update() {
            const { status, isOnline, notice } = app
            const lines = []
            if (!isOnline) lines.push(["bad", t("offline.title"), t("offline.text")])
            else if (status.stale) lines.push(["warn", t("stale.title"), t("stale.text", { time: moment(status.as_of) })])
            if (status.pause) {
                const why = status.pause.reason ? t("pause.reason", { reason: status.pause.reason }) : ""
                lines.push(["warn", t(status.pause.stopped ? "stop.title" : "pause.title"),
                    `${why} ${t(status.pause.stopped ? "stop.text" : "pause.text", { time: moment(status.pause.since) })}`])
            } else if (status.throttle) lines.push(["", t("throttle.title"), t("throttle.text")])
            if (status.message) lines.push(["", t("message"), status.message])
            if (notice) lines.push([notice.kind, notice.text, ""])
            const now = JSON.stringify(lines)
            if (now === shown) return
            shown = now
            element.replaceChildren(...lines.map(([kind, title, text]) =>
                h("div", { class: `note ${kind}` }, h("strong", {}, title), text && h("p", {}, text.trim()))))
            if (lines.length) announce(lines.map(([, title, text]) => `${title} ${text}`).join(" "))
        },
    }
}

/// What stands above and below every view.
export function around() {
    const [above, tiers] = [notes(), prices()]
    const proof = h("div", { class: "stack" })
    const check = h("button", {
        type: "button", class: "plain", "aria-expanded": "false",
        async onclick() {
            const isOpen = check.getAttribute("aria-expanded") === "false"
            check.setAttribute("aria-expanded", String(isOpen))
            if (!isOpen) return proof.replaceChildren()
            const [{ panel }] = await Promise.all([import("./line-proof.js"), learn("line-proof"), dress()])
            proof.replaceChildren(panel())
        },
    }, t("proof.button"))
    const yes = action(t("leave.yes"), async () => {
        await leave()
        asked.close()
    }, { class: "danger" })
    const asked = h("dialog", { "aria-labelledby": "leave-title" }, h("div", { class: "stack" },
        h("h2", { id: "leave-title" }, t("leave.title")), h("p", {}, t("leave.text")),
        h("div", { class: "row" }, yes.element, h("button", { type: "button", onclick: () => asked.close() }, t("leave.no")))))
    const go = h("button", { type: "button", class: "plain", onclick: () => asked.showModal() }, t("leave.button"))
    return {
        notes: above.element,
        below: h("div", { class: "stack" }, tiers.element, h("div", { class: "row spread" }, check, go), proof, asked),
        update() {
            above.update()
            tiers.update()
            go.hidden = !["prequeue", "waiting"].includes(app.place?.state)
        },
    }
}
