// What is shown when the turn has passed, when everything is sold, and when it is over.

import { h, say } from "./dom.js"
import { t, number } from "./i18n.js"
import { app, ask, comeIn, identity, placed, refresh } from "./line.js"
import { action, card } from "./line-wait.js"

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
    const quantity = h("select", { id: "quantity" }, ...[1, 2, 3, 4, 5, 6].map((n) => h("option", { value: n }, number(n))))
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
export const views = { missed, gone: over("gone"), waitlist, listed, left: over("left"), closed: over("closed"), done: over("done") }
