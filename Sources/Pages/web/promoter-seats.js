// The room: every row and seat, by section.
import { h, svg } from "./dom.js"
import { counted } from "./promoter-words.js"

const size = 10

/// A drawing of sections as the API tells of them: of a plan, or with the state of each seat.
///
/// All seats of one look are one path, so that a room of twenty thousand is some dozens of elements.
export function room(sections, tiers) {
    const colour = (id) => `t${Math.max(0, tiers.findIndex((tier) => tier.id === id)) % 6 + 1}`
    const name = (id) => tiers.find((tier) => tier.id === id)?.name ?? id
    return h("div", { class: "room" },
        h("p", { class: "stage", "aria-hidden": "true" }, "Stage"),
        sections.map((section) => {
            const seats = section.rows.reduce((sum, row) => sum + row.numbers.length, 0)
            const stepFree = section.rows.reduce((sum, row) => sum + row.accessible.length, 0)
            const note = `${name(section.tier)}${stepFree ? ` · ${stepFree} accessible` : ""}`
            return h("div", { class: `section ${colour(section.tier)}` },
                h("h3", {}, h("span", {}, section.name), h("span", { class: "quiet" }, seats ? `${counted(seats, "seat")} · ${note}` : note)),
                seats ? drawing(section, seats) : h("div", { class: "standing" }, `${counted(section.capacity ?? 0, "place")} to stand`))
        }),
        h("p", { class: "small quiet" }, "A ring is an accessible seat."))
}

function drawing(section, seats) {
    const widest = Math.max(...section.rows.map((row) => row.numbers.at(-1)))
    const left = 5 + 5 * Math.max(...section.rows.map((row) => row.label.length))
    const paths = new Map()
    const put = (look, shape) => paths.set(look, (paths.get(look) ?? "") + shape)
    section.rows.forEach((row, line) => {
        const accessible = new Set(row.accessible)
        row.numbers.forEach((number, index) => {
            const [x, y] = [left + (number - 1) * size, line * size + 1]
            const state = { h: " held", p: " held", s: " gone", w: " withheld" }[row.states?.[index]] ?? ""
            if (accessible.has(number)) put(`seat step-free${state}`, ring(x + 4, y + 4, 3))
            else put(`seat${state}`, `M${x} ${y}h8v8h-8z`)
        })
    })
    const width = left + widest * size
    const element = svg("svg", {
        viewBox: `0 0 ${width} ${section.rows.length * size + 2}`, role: "img",
        "aria-label": `${section.name}: ${counted(seats, "seat")} in ${counted(section.rows.length, "row")}`,
    },
    section.rows.map((row, line) => svg("text", { x: 0, y: line * size + 8 }, row.label)),
    [...paths].map(([look, d]) => svg("path", { class: look, d })))
    // A box of six seats is not to be as wide as a balcony.
    element.style.maxInlineSize = `${width * 2.2}px`
    return element
}

const ring = (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`
