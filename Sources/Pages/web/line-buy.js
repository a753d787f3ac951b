// What is shown to those who are inside: choosing, holding, paying, and what they got.

import { h, say, $ } from "./dom.js"
import { t, has, number, money, moment, list } from "./i18n.js"
import { app, announce, ask, comeIn, ordered, refresh, show, takeReservation } from "./line.js"
import { random, Refusal } from "./line-api.js"
import { action, clock, left, restriction } from "./line-wait.js"

// MARK: Holding

/// Asks for a hold. The key is kept until there is an answer: whoever lost it, or the page, asks the same again.
async function hold(body) {
    const kept = app.memory.get("wish")
    const wish = kept && JSON.stringify(kept.body) === JSON.stringify(body) ? kept : { key: random(16), body }
    app.memory.set("wish", wish)
    try {
        const held = await ask("POST", "/v1/reservations", { body, headers: { "Idempotency-Key": wish.key } })
        app.memory.set("wish", null)
        app.notice = null
        ordered(held)
        await refresh()
    } catch (error) {
        if (error instanceof Refusal && error.status < 500) app.memory.set("wish", null)
        if (error.code === "session_over") return over()
        throw error
    }
}

function over() {
    app.session = null
    app.place.state = "done"
    show()
}

// MARK: Choosing

function choose() {
    const tiers = app.status.tiers
    const session = clock("choose.clock")
    const quantity = h("select", { id: "quantity" },
        ...Array.from({ length: app.session.max_per_buyer }, (_, index) => h("option", { value: index + 1 }, number(index + 1))))
    const accessible = h("select", { id: "accessible" })
    const accessibleField = h("div", { class: "field" }, h("label", { for: "accessible" }, t("choose.accessible")), accessible)
    const together = h("input", { type: "checkbox", id: "together" })
    const togetherField = h("label", { class: "row check", for: "together" }, together, t("choose.together"))
    const map = h("div", { class: "stack", hidden: true })
    const picking = h("button", { type: "button", class: "wide", "aria-expanded": "false", onclick: toggleMap }, t("choose.map"))
    const options = tiers.map((tier, index) => {
        const word = h("span", { class: "tag" })
        const input = h("input", { type: "radio", name: "tier", value: tier.id, id: `tier-${index}`, onchange: update })
        const element = h("label", { class: "option", for: `tier-${index}` }, input,
            h("span", { class: "grow" }, h("strong", {}, tier.name),
                restriction(tier) && h("span", { class: "quiet small" }, restriction(tier)), word),
            h("span", { class: "number" }, money(tier.price)))
        return { id: tier.id, input, element, word }
    })
    const best = action("", () => hold(wish()), { class: "primary wide" })
    let seats = null

    const chosen = () => app.status.tiers.find((tier) => tier.id === options.find((one) => one.input.checked)?.id)

    function wish() {
        const tier = chosen()
        const body = { tier: tier.id, quantity: Number(quantity.value) }
        if (tier.numbered && Number(accessible.value)) body.accessible = Number(accessible.value)
        if (tier.numbered && together.checked) body.together = "row"
        return body
    }

    async function toggleMap() {
        const isOpen = picking.getAttribute("aria-expanded") === "true"
        picking.setAttribute("aria-expanded", String(!isOpen))
        map.hidden = isOpen
        form.hidden = !isOpen
        say(picking, t(isOpen ? "choose.map" : "choose.best"))
        if (isOpen) return seats?.stop()
        const { SeatMap } = await import("./line-seats.js")
        seats = seats ?? new SeatMap((labels) => hold({ seats: labels }))
        if (!map.firstChild) map.append(seats.element)
        seats.start()
    }

    function update() {
        session.update(app.session.expires_at)
        for (const option of options) {
            const tier = app.status.tiers.find((one) => one.id === option.id)
            const [text, kind] = left(tier)
            say(option.word, text)
            option.word.className = `tag ${kind}`
            option.input.disabled = tier.free === 0
            if (tier.free === 0 && option.input.checked) option.input.checked = false
        }
        if (!chosen()) {
            const free = options.find((option) => !option.input.disabled)
            if (free) free.input.checked = true
        }
        const tier = chosen()
        const count = Number(quantity.value)
        accessibleField.hidden = togetherField.hidden = !tier?.numbered
        if (accessible.options.length !== count + 1) {
            const before = Math.min(Number(accessible.value), count)
            accessible.replaceChildren(...Array.from({ length: count + 1 }, (_, n) => h("option", { value: n }, number(n))))
            accessible.value = String(before)
        }
        const total = tier ? money({ amount: tier.price.amount * count, currency: tier.price.currency }) : ""
        say(best.button, tier ? t("choose.button", { n: count, total }) : t("left.none"))
        best.button.hidden = !tier
        picking.hidden = !app.status.tiers.some((one) => one.numbered)
    }
    quantity.addEventListener("change", update)

    const form = h("div", { class: "stack" },
        h("fieldset", { class: "options" }, h("legend", {}, t("choose.tier")), ...options.map((option) => option.element)),
        h("div", { class: "field" }, h("label", { for: "quantity" }, t("choose.quantity")), quantity),
        accessibleField, togetherField, best.element)

    // A wish that nobody has heard the answer of is asked again: the hold may be there.
    const open = app.memory.get("wish")
    if (open) void hold(open.body).catch(() => app.memory.set("wish", null))

    return {
        element: h("section", { class: "card stack" }, h("h2", {}, t("choose.title")), session.element, picking, map, form),
        update() {
            update()
            if (app.until(app.session.expires_at) < -1) {
                app.session = { ...app.session, expires_at: new Date(app.now() + 10000).toISOString() }
                void comeIn().catch(() => {})
            }
        },
    }
}

// MARK: What is held

/// What the reservation is of, and what it costs.
function tickets() {
    const { reservation } = app
    const tier = app.status.tiers.find((one) => one.id === reservation.tier)
    return h("dl", { class: "facts" },
        h("dt", {}, t("tickets")), h("dd", {}, t("tickets.of", { n: reservation.quantity, tier: tier?.name ?? reservation.tier })),
        ...reservation.seats.length
            ? [h("dt", {}, t("seats")), h("dd", {}, list(reservation.seats.map((seat) => seat.replaceAll("-", " "))))] : [],
        h("dt", {}, t("total")), h("dd", { class: "number" }, h("strong", {}, money(reservation.total))))
}

const path = (what = "") => `/v1/reservations/${app.reservation.reservation}${what}`

function holding() {
    const time = clock("hold.clock")
    const soon = h("p", { class: "note warn", role: "alert", hidden: true }, t("hold.soon"))
    const more = action(t("hold.extend"), async () => {
        ordered(await ask("POST", path("/extend")))
        announce(t("hold.extended", { time: moment(app.reservation.expires_at) }))
        show()
    })
    const letGo = action(t("hold.release"), async () => {
        await ask("DELETE", path())
        takeReservation(null)
        await refresh()
    }, { class: "plain" })
    const methods = app.methods.map((method, index) => {
        const input = h("input", { type: "radio", name: "method", value: method, id: `method-${index}`, checked: index === 0 })
        return h("label", { class: "option", for: `method-${index}` }, input,
            h("span", { class: "grow" }, has(`method.${method}`) ? t(`method.${method}`) : method))
    })
    const pay = action(t("pay.button", { total: money(app.reservation.total) }), async () => {
        app.notice = null
        const method = $("input[name=method]:checked", form).value
        ordered(await ask("POST", path("/checkout"), { body: { payment_method: method } }))
        show()
    }, { class: "primary wide" })
    const form = h("div", { class: "stack" },
        h("fieldset", { class: "options" }, h("legend", {}, t("pay.method")), ...methods), pay.element)
    return {
        element: h("section", { class: "card stack" }, h("h2", {}, t("hold.title")), time.element, soon, tickets(), form,
            h("div", { class: "row spread" }, more.element, letGo.element)),
        update() {
            const { expires_at: end, extensions_left: extensions, payments_left: payments } = app.reservation
            time.update(end)
            const isSoon = app.until(end) < 60
            if (soon.hidden === isSoon) soon.hidden = !isSoon
            more.element.hidden = extensions === 0
            form.hidden = payments === 0
        },
    }
}

function paying() {
    const link = h("a", { class: "button primary wide", hidden: true }, t("paying.next"))
    return {
        element: h("section", { class: "card stack" }, h("h2", {}, t("paying.title")), h("p", {}, t("paying.text")),
            h("progress", { "aria-label": t("paying.title") }), link, tickets()),
        update() {
            const next = app.reservation.next_action
            // Nothing but an address on the web is an address of a bank.
            link.hidden = !/^https?:/.test(next ?? "")
            if (!link.hidden) link.href = next
        },
    }
}

function bought() {
    const { reservation } = app
    const isBack = reservation.state === "refunded"
    return {
        element: h("section", { class: "card stack bought" }, h("h2", {}, t(isBack ? "refunded.title" : "bought.title")),
            h("p", {}, t(isBack ? "refunded.text" : "bought.text")), tickets(),
            h("dl", { class: "facts" }, h("dt", {}, t("bought.number")), h("dd", { class: "mono" }, reservation.reservation))),
    }
}

/// The views by name.
export const views = { choose, hold: holding, paying, bought, refunded: bought }
