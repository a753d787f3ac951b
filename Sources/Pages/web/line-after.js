// What is shown at the turn, when it has passed, when everything is sold, and when it is over.

import { h, say } from "./dom.js"
import { t, number } from "./i18n.js"
import { app, ask, comeIn, identity, placed, reason, refresh } from "./line.js"
import { action, card, clock } from "./line-wait.js"

function turn() {
    const left = clock("turn.clock")
    const wait = h("p", { class: "note warn", hidden: true })
    let retryAt = 0
    async function enter() {
        try {
            await comeIn()
            wait.hidden = true
            retryAt = 0
        } catch (error) {
            if (error.code !== "full" && error.code !== "stopped") throw error
            // The turn is kept; whoever has asked once need not stand there pressing.
            say(wait, reason(error))
            wait.hidden = false
            retryAt = Date.now() + (error.retryAfter ?? 2) * 1000
        }
    }
    const button = action(t("turn.button"), enter, { class: "primary wide" })
    return {
        element: h("section", { class: "card stack turn" }, h("h2", {}, t("turn.title")), h("p", {}, t("turn.text")),
            left.element, wait, button.element),
        update() {
            left.element.hidden = !app.place.turn_expires_at
            if (app.place.turn_expires_at) left.update(app.place.turn_expires_at)
            if (retryAt && Date.now() > retryAt) {
                retryAt = 0
                void button.run()
            }
        },
    }
}

function entering() {
    let askAt = 0
    return {
        element: card("entering.title", t("entering.text"), h("progress", { "aria-label": t("entering.title") })),
        update() {
            if (Date.now() < askAt) return
            askAt = Date.now() + 3000
            void refresh()
        },
    }
}

function missed() {
    const button = action(t("missed.button"), async () => {
        try {
            await comeIn()
        } catch (error) {
            // That is the answer to having asked: the place is called again by one of the next ticks.
            if (error.code !== "not_yet") throw error
            app.place = { ...app.place, state: "waiting", ahead: null, turn_expires_at: null }
            await refresh()
        }
    }, { class: "primary wide" })
    return { element: card("missed.title", t("missed.text"), button.element) }
}

function waitlist() {
    const quantity = h("select", { id: "quantity" },
        ...Array.from({ length: app.onSale.max_per_buyer }, (_, index) => h("option", { value: index + 1 }, number(index + 1))))
    const button = action(t("waitlist.button"), async () => {
        const body = { quantity: Number(quantity.value), ...(app.place ? {} : identity()) }
        const spot = await ask("POST", `/v1/on-sales/${app.id}/waitlist`, { body })
        await placed(spot, "waiting")
    }, { class: "primary wide" })
    return {
        element: card("soldout.title", t("soldout.text"),
            h("div", { class: "field" }, h("label", { for: "quantity" }, t("waitlist.quantity")), quantity), button.element),
    }
}

function listed() {
    const big = h("span", { class: "big number" })
    return {
        element: card("waitlist.title", t("waitlist.text"),
            h("div", { class: "ahead" }, big, h("span", { class: "quiet" }, t("waitlist.position.label"))),
            h("p", { class: "note" }, t("keep"))),
        update: () => say(big, number(app.place.waitlist_position)),
    }
}

const over = (name) => () => ({ element: card(`${name}.title`, t(`${name}.text`)) })

/// The views by name.
export const views = { turn, entering, missed, gone: over("gone"), waitlist, listed, left: over("left"), closed: over("closed"), done: over("done") }
