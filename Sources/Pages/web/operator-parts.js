// What the views of the board are made of.
import { h, svg } from "./dom.js"

/// A link to a view: `to("runs", { state: "failed" })`.
export function to(view, parameters = {}) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value != null && value !== ""))
    return `#${view}${query.size ? `?${query}` : ""}`
}

/// A number that links to what it counts.
export const count = (number, href, { about = false, label } = {}) =>
    h("a", { href, class: "number", "aria-label": label && `${number} ${label}` }, `${about ? "~" : ""}${whole(number)}`)

export const whole = (number) => number == null ? "–" : Number(number).toLocaleString("en")

/// Seconds in at most two units.
export function duration(seconds) {
    if (seconds == null) return "–"
    const past = Math.max(0, seconds)
    if (past < 1) return `${Math.round(past * 1000)} ms`
    if (past < 60) return `${past < 10 ? past.toFixed(1) : Math.round(past)} s`
    if (past < 3600) return `${Math.floor(past / 60)} min ${Math.floor(past % 60)} s`
    if (past < 86400) return `${Math.floor(past / 3600)} h ${Math.floor(past % 3600 / 60)} min`
    return `${Math.floor(past / 86400)} d ${Math.floor(past % 86400 / 3600)} h`
}

export function size(bytes) {
    if (bytes == null) return "–"
    const units = ["B", "kB", "MB", "GB", "TB"]
    let number = bytes, unit = 0
    while (number >= 1000 && unit < 4) { number /= 1000; unit++ }
    return `${unit && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`
}

/// An instant as a time, with its date when that is another day's.
export function instant(text) {
    if (!text) return "–"
    const date = new Date(text)
    const isToday = date.toDateString() === new Date().toDateString()
    const time = date.toLocaleTimeString("en-GB")
    return h("time", { datetime: text, title: text }, isToday ? time : `${date.toLocaleDateString("en-CA")} ${time}`)
}

const tones = {
    done: "good", kept: "good", open: "good", working: "good", failed: "bad", broken: "bad", expired: "bad",
    paused: "warn", blocked: "warn", draining: "warn", silent: "bad", cancelled: "warn",
}

/// Where something stands, in words.
export const tag = (state) => h("span", { class: `tag ${tones[state] ?? ""}` }, state)

/// A button that `act` hears of.
export const button = (text, name, data = {}, kind = "") => h("button", {
    type: "button", class: `small ${kind}`, "data-do": name,
    ...Object.fromEntries(Object.entries(data).map(([key, value]) => [`data-${key}`, value])),
}, text)

/// A table; `columns` are names, those that begin with `#` of numbers and an empty one of buttons.
export function table(caption, columns, rows, none = "There are none.") {
    if (!rows.length) return h("div", { class: "panel none" }, none)
    return h("div", { class: "panel", tabindex: "0", role: "region", "aria-label": caption },
        h("table", {},
            h("caption", { class: "unseen" }, caption),
            h("thead", {}, h("tr", {}, columns.map((name) => name === ""
                ? h("td", {})
                : h("th", { scope: "col", class: name.startsWith("#") ? "number" : null }, name.replace("#", ""))))),
            h("tbody", {}, rows.map(({ key, cells }) => h("tr", { "data-key": key }, cells.map((cell, index) => {
                const name = columns[index]
                const content = cell ?? (name === "" ? "" : "–")
                if (index === 0) return h("th", { scope: "row" }, content)
                if (name === "") return h("td", { class: "act" }, content)
                return h("td", { class: name.startsWith("#") ? "number" : String(content).length > 40 ? "long" : null }, content)
            }))))))
}

/// Facts about one thing, as pairs of a name and what it is.
export const facts = (pairs) => h("dl", { class: "facts" },
    pairs.filter(([, value]) => value != null && value !== "").map(([name, value]) =>
        h("div", { "data-key": name }, h("dt", {}, name), h("dd", {}, value))))

export const head = (title, ...actions) => h("div", { class: "head" }, h("h1", {}, title),
    actions.length ? h("div", { class: "row" }, actions) : null)

export const part = (title, ...content) =>
    h("section", { class: "part", "data-key": title }, h("h2", {}, title), content)

/// A field of a form of filters.
export function filter(label, name, value, options) {
    const id = `filter-${name}`
    const field = options
        ? h("select", { id, name }, h("option", { value: "" }, "any"),
            options.map((option) => h("option", { value: option, selected: option === value }, option)))
        : h("input", { id, name, value: value ?? "", autocomplete: "off", spellcheck: "false" })
    return h("div", { class: "field", "data-key": `${name}=${value ?? ""}` }, h("label", { for: id }, label), field)
}

/// A light that is told by its shape and its word.
export function light(state) {
    const shape = {
        kept: [svg("circle", { cx: 8, cy: 8, r: 7, fill: "currentColor" }),
            svg("path", { d: "M4.5 8.3l2.4 2.4 4.6-5", class: "mark" })],
        broken: [svg("path", { d: "M8 .8l7.4 13.6H.6z", fill: "currentColor" }),
            svg("path", { d: "M8 5.5v4.2M8 11.2v1.8", class: "mark" })],
        unknown: [svg("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 2, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-dasharray": "3 2" })],
    }[state]
    const word = { kept: "kept", broken: "broken", unknown: "not known" }[state]
    return h("span", { class: `light ${state}` }, svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, ...shape), word)
}

/// A small line of how a number went.
export function spark(numbers) {
    if (numbers.length < 2) return null
    const most = Math.max(1, ...numbers)
    const points = numbers.map((number, index) =>
        `${(index / (numbers.length - 1) * 100).toFixed(1)} ${(19 - number / most * 18).toFixed(1)}`)
    return svg("svg", { class: "spark", viewBox: "0 0 100 20", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("path", { d: `M${points.join("L")}` }))
}

/// Asks before something is done; true when it is to be.
export function confirm({ title, text = [], action, danger = false, content = [] }) {
    return new Promise((resolve) => {
        const dialog = h("dialog", { "aria-labelledby": "dialog-title" },
            h("form", { method: "dialog", class: "stack" },
                h("h2", { id: "dialog-title" }, title),
                [text].flat().map((line) => h("p", {}, line)), content,
                h("div", { class: "row" },
                    h("button", { value: "no" }, "Leave it"),
                    h("button", { value: "yes", class: danger ? "danger" : "primary" }, action))))
        dialog.addEventListener("close", () => {
            const isMeant = dialog.returnValue === "yes"
            dialog.remove()
            resolve(isMeant)
        })
        document.body.append(dialog)
        dialog.showModal()
    })
}
