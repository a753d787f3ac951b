// How the desk says things.
import { h } from "./dom.js"

const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" })

/// An instant in the promoter's own time.
export const when = (text) => day.format(new Date(text))

/// An amount in minor units.
export function money({ amount, currency }) {
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency })
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits)
}

/// How many minor units a unit of a currency has, as a power of ten.
export function digits(currency) {
    try {
        return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits
    } catch {
        return 2
    }
}

export const percent = (part, whole) => whole > 0 ? `${Math.round(100 * part / whole)} %` : "–"

/// A count and its noun.
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`

const states = {
    scheduled: ["Scheduled", ""], prequeue: ["Room is open", ""], admitting: ["On sale", "good"],
    sold_out: ["Sold out", "good"], closed: ["Over", ""], cancelled: ["Cancelled", "bad"],
}

/// What an on-sale is, as a tag.
export function stateTag({ state, paused_at }) {
    const [text, kind] = paused_at ? ["Paused", "warn"] : states[state] ?? [state, ""]
    return h("span", { class: `tag ${kind}` }, text)
}

/// Why the last tick called as many as it did.
export const notes = {
    rate: "as fast as the rate allows", limit: "as many are inside as may be", stock: "what is left is spoken for",
    line: "nobody is left in line", pressure: "slower, because what comes after the line can't keep up",
    fail_open: "everyone is let through", paused: "paused", sold_out: "everything is sold",
}
