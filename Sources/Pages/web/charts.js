// Line, area and bar charts in SVG, each with axis labels, a legend, and its numbers as a table for those who read it otherwise.
import { h, say, svg } from "./dom.js"

let count = 0

/// Round steps for an axis from 0 to `highest`: 1, 2 or 5 times a power of ten.
export function steps(highest, least = 1, wanted = 4) {
    if (!(highest > 0)) return [0, least]
    const rough = highest / wanted
    const power = 10 ** Math.floor(Math.log10(rough))
    const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough))
    const marks = []
    for (let mark = 0; mark < highest + step; mark += step) marks.push(mark)
    return marks
}

/// Round times for an axis, at most `wanted` of them.
function clock(from, to, wanted, isRelative) {
    const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800]
    const step = 1000 * (seconds.find((size) => (to - from) / 1000 / size <= wanted) ?? 2_592_000)
    const zone = isRelative ? 0 : new Date(from).getTimezoneOffset() * 60_000
    const marks = []
    for (let mark = Math.ceil((from - zone) / step) * step + zone; mark <= to; mark += step) marks.push(mark)
    if (isRelative) return marks.map((time) => ({ time, text: `${Math.round(time / 6000) / 10} min` }))
    const isFine = step < 60_000
    const isLong = step >= 86_400_000
    const format = new Intl.DateTimeFormat(undefined, isLong
        ? { day: "numeric", month: "short" }
        : { hour: "2-digit", minute: "2-digit", ...(isFine ? { second: "2-digit" } : {}) })
    return marks.map((time) => ({ time, text: format.format(time) }))
}

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" })

/// A curve over time. `series` are `{ name }`; `stacked` puts them on top of each other; times are instants, or from a start
/// where `isRelative`. The answer has an `element`, and `show(times, columns, { limit })` with one column of values for each of the series.
export function timeChart({ title, series, format = (value) => value.toLocaleString(), stacked = false, limitName = "limit", unit = "", isRelative = false, least = 1 }) {
    const id = `chart-${count += 1}`
    const now = h("span", { class: "now" })
    const plot = h("div", { class: "plot" })
    const body = h("tbody")
    const details = h("details", {},
        h("summary", {}, "As a table"),
        h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, as a table` },
            h("table", {},
                h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"),
                    series.map(({ name }) => h("th", { scope: "col", class: "number" }, name)))),
                body)))
    const element = h("figure", { class: "chart", "aria-labelledby": id },
        h("figcaption", {}, h("h3", { id }, title), now),
        plot,
        series.length > 1 && h("ul", { class: "legend" }, series.map(({ name }, index) => h("li", {}, swatch(index, stacked), name))),
        details)
    let shown = null
    const atTime = (time) => isRelative ? `${Math.round(time / 60_000)} min` : timeOfDay.format(time)
    new ResizeObserver(() => shown && draw()).observe(plot)
    details.addEventListener("toggle", () => shown && fill())

    function show(times, columns, { limit } = {}) {
        shown = { times, columns, limit }
        const last = times.length - 1
        const words = series.map(({ name }, index) => `${name} ${format(columns[index][last] ?? 0)}`)
        say(now, series.length > 1 ? words.join(" · ") : `${format(columns[0][last] ?? 0)}${unit && ` ${unit}`}`)
        draw()
        fill()
    }

    function fill() {
        if (!details.open) return body.replaceChildren()
        const { times, columns } = shown
        const every = Math.ceil(times.length / 60)
        const rows = times.map((_, index) => index).filter((index) => (times.length - 1 - index) % every === 0).reverse()
        body.replaceChildren(...rows.map((index) => h("tr", {},
            h("th", { scope: "row" }, atTime(times[index])),
            columns.map((column) => h("td", { class: "number" }, format(column[index]))))))
    }

    function draw() {
        const { times, columns, limit } = shown
        if (times.length < 2) {
            plot.replaceChildren(h("p", { class: "empty" }, "The curve begins with the next look."))
            return
        }
        const [width, height] = [Math.max(240, plot.clientWidth), 190]
        const tops = stacked ? stack(columns) : columns
        const highest = Math.max(limit ?? 0, ...tops.map((column) => column.reduce((most, value) => Math.max(most, value), 0)))
        const marks = steps(highest, least)
        const most = marks.at(-1)
        const left = 12 + 7.2 * Math.max(...marks.map((mark) => format(mark).length))
        const [top, bottom, right] = [8, height - 24, width - 12]
        const [from, to] = [times[0], times.at(-1)]
        const x = (time) => left + (right - left) * (time - from) / (to - from || 1)
        const y = (value) => bottom - (bottom - top) * value / most
        const path = (column) => column.map((value, index) => `${index ? "L" : "M"}${x(times[index]).toFixed(1)} ${y(value).toFixed(1)}`).join("")
        const drawn = []
        for (const mark of marks) {
            drawn.push(svg("line", { class: mark ? "grid" : "axis", x1: left, x2: right, y1: y(mark), y2: y(mark) }),
                svg("text", { x: left - 8, y: y(mark) + 4, "text-anchor": "end" }, format(mark)))
        }
        for (const { time, text } of clock(from, to, Math.max(2, Math.floor(width / 95)), isRelative)) {
            drawn.push(svg("line", { class: "axis", x1: x(time), x2: x(time), y1: bottom, y2: bottom + 4 }),
                svg("text", { x: x(time), y: height - 6, "text-anchor": "middle" }, text))
        }
        tops.forEach((column, index) => {
            if (stacked) {
                const below = index ? tops[index - 1] : column.map(() => 0)
                const back = below.map((value, at) => `L${x(times[at]).toFixed(1)} ${y(value).toFixed(1)}`).reverse().join("")
                drawn.push(svg("path", { class: `area s${index % 6 + 1}`, d: `${path(column)}${back}Z` }))
            }
            drawn.push(svg("path", { class: `line s${index % 6 + 1} dash-${index % 4 + 1}`, d: path(column) }))
        })
        if (limit) {
            drawn.push(svg("line", { class: "limit", x1: left, x2: right, y1: y(limit), y2: y(limit) }),
                svg("text", { x: right, y: y(limit) - 5, "text-anchor": "end" }, `${limitName} ${format(limit)}`))
        }
        plot.replaceChildren(svg("svg", {
            viewBox: `0 0 ${width} ${height}`, height, role: "img",
            "aria-label": `${title}, from ${atTime(from)} to ${atTime(to)}. Now: ${now.textContent}.`,
        }, drawn))
    }
    return { element, show }
}

/// Each column on top of those before it.
const stack = (columns) => columns.reduce((tops, column) => [...tops, column.map((value, index) => value + (tops.at(-1)?.[index] ?? 0))], [])

function swatch(index, isArea) {
    return svg("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" },
        isArea && svg("rect", { class: `area s${index % 6 + 1}`, y: 3, width: 26, height: 9 }),
        svg("line", { class: `line s${index % 6 + 1} dash-${index % 4 + 1}`, x1: 1, x2: 25, y1: isArea ? 3 : 6, y2: isArea ? 3 : 6 }))
}

/// Bars from left to right, each with parts. `show(rows)` takes `{ name, note, total, parts: [values] }`; `parts` are the
/// names of the parts, which are told apart by their shade as well.
export function barChart({ title, parts, isOneColour = false, format = (value) => value.toLocaleString() }) {
    const id = `chart-${count += 1}`
    const bars = h("div", { class: "bars" })
    const body = h("tbody")
    const element = h("figure", { class: "chart", "aria-labelledby": id },
        h("figcaption", {}, h("h3", { id }, title)),
        bars,
        parts.length > 1 && h("ul", { class: "legend" }, parts.map((name, index) => h("li", {},
            svg("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, svg("rect", { class: `s1 h${index + 1}`, width: 26, height: 12, rx: 2, ...shade(index) })), name))),
        h("details", {}, h("summary", {}, "As a table"),
            h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, as a table` },
                h("table", {},
                    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Name"),
                        parts.map((name) => h("th", { scope: "col", class: "number" }, name)), h("th", { scope: "col", class: "number" }, "of"))),
                    body))))
    function show(rows) {
        bars.replaceChildren(...rows.map((row, place) => {
            let at = 0
            const pieces = row.parts.map((value, index) => {
                const width = row.total > 0 ? 100 * value / row.total : 0
                const piece = svg("rect", { class: `s${isOneColour ? 1 : place % 6 + 1} h${index + 1}`, x: at, width, height: 10, ...shade(index) })
                at += width
                return piece
            })
            const words = row.parts.map((value, index) => `${parts[index]} ${format(value)}`).join(", ")
            return h("div", {},
                h("div", { class: "bar-head" }, h("span", {}, row.name), h("span", { class: "number quiet" }, row.note)),
                svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": `${row.name}: ${words} of ${format(row.total)}` }, pieces))
        }))
        body.replaceChildren(...rows.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name),
            row.parts.map((value) => h("td", { class: "number" }, format(value))), h("td", { class: "number" }, format(row.total)))))
    }
    return { element, show }
}

const shade = (index) => ({ "fill-opacity": [1, .55, .3][index] ?? .2 })
