// The seats of a house on a map, section by section, as they are this moment.

import { h, svg, say } from "./dom.js"
import { t, number, money } from "./i18n.js"
import { app, announce, ask } from "./line.js"
import { action } from "./line-wait.js"

/// How far apart seats are; a finger needs 24.
const pitch = 28
/// How often the map is read while it is looked at: a gateway reads it once a second.
const every = 2500

/// A map on which seats are picked, with the mouse, a finger or the arrow keys.
export class SeatMap {
    #sections = []
    #section = null
    #seats = []
    #byLabel = new Map()
    /// The seats that were picked, by label, with what they are called and the section they are in.
    #picked = new Map()
    #timer = null
    #choice = h("select", { id: "section", onchange: () => this.#show(this.#choice.value) })
    #stage = h("div", { class: "map scroll" })
    #list = h("p", { class: "quiet" })
    #hold

    /// `hold` is given the labels of the seats that were picked.
    constructor(hold) {
        this.#hold = action("", () => hold([...this.#picked.keys()]), { class: "primary wide" })
        this.element = h("div", { class: "stack" },
            h("div", { class: "field" }, h("label", { for: "section" }, t("seats.section")), this.#choice),
            h("p", { class: "quiet small", id: "map-help" }, t("seats.help")),
            this.#stage,
            h("ul", { class: "legend small" }, ...["free", "picked", "taken", "accessible"].map((kind) =>
                h("li", {}, svg("svg", { class: `seat ${kind}`, viewBox: "-14 -14 28 28", width: 24, height: 24, "aria-hidden": "true" }, mark(kind === "accessible")),
                    t(`seats.${kind}`)))),
            this.#list, this.#hold.element)
        this.#sum()
    }

    start() {
        clearTimeout(this.#timer)
        void this.#read()
    }

    stop() {
        clearTimeout(this.#timer)
    }

    async #read() {
        try {
            if (document.visibilityState === "visible") {
                this.#take((await ask("GET", `/v1/on-sales/${app.id}/seats`, { fresh: false })).sections)
            }
        } catch { /* What is there stays; the next reading may do better. */ }
        clearTimeout(this.#timer)
        if (this.element.isConnected) this.#timer = setTimeout(() => this.#read(), every)
    }

    #take(sections) {
        this.#sections = sections
        const before = this.#choice.value
        const options = sections.map((section) => {
            const free = section.rows.reduce((sum, row) => sum + row.states.split("f").length - 1, 0)
            return h("option", { value: section.id }, t("seats.option", { name: section.name, price: money(this.#tier(section).price), n: free }))
        })
        if (options.some((option, index) => option.textContent !== this.#choice.options[index]?.textContent)) {
            this.#choice.replaceChildren(...options)
            const start = sections.find((section) => section.rows.some((row) => row.states.includes("f"))) ?? sections[0]
            this.#choice.value = before || start?.id || ""
        }
        if (!this.#section) return this.#show(this.#choice.value)
        const lost = []
        for (const section of sections) {
            for (const row of section.rows) {
                row.numbers.forEach((seat, index) => {
                    const label = `${section.id}-${row.label}-${seat}`
                    const isFree = row.states[index] === "f"
                    if (!isFree && this.#picked.delete(label)) lost.push(label)
                    const known = this.#byLabel.get(label)
                    if (known && known.isFree !== isFree) {
                        known.isFree = isFree
                        this.#paint(known)
                    }
                })
            }
        }
        if (lost.length) {
            for (const label of lost) this.#repaint(label)
            announce(t("seats.lost", { n: lost.length }))
        }
        this.#sum()
    }

    #tier(section) {
        return app.status.tiers.find((tier) => tier.id === section.tier)
    }

    /// Draws a section: rows from the front to the back, centred behind one another.
    #show(id) {
        const section = this.#section = this.#sections.find((one) => one.id === id)
        if (!section) return
        this.#byLabel.clear()
        this.#seats = []
        // Numbers that don't follow each other are not neighbours: an aisle is between them.
        const places = section.rows.map((row) => {
            let x = 0
            return row.numbers.map((seat, index) => {
                if (index) x += Math.abs(seat - row.numbers[index - 1]) === 1 ? 1 : 1.8
                return x
            })
        })
        const widest = Math.max(1, ...places.map((row) => (row.at(-1) ?? 0) + 1))
        const [width, height] = [(widest + 2.4) * pitch, (section.rows.length + 2) * pitch]
        const rows = section.rows.map((row, line) => {
            const indent = (widest - ((places[line].at(-1) ?? 0) + 1)) / 2
            const y = (line + 2) * pitch
            const seats = row.numbers.map((seat, index) => {
                const one = {
                    label: `${section.id}-${row.label}-${seat}`, row: row.label, seat, line, index,
                    isFree: row.states[index] === "f", isAccessible: row.accessible.includes(seat),
                }
                one.element = svg("g", {
                    role: "gridcell", tabindex: "-1",
                    transform: `translate(${(places[line][index] + indent + 1.7) * pitch} ${y})`,
                    onclick: () => {
                        this.#focus(one)
                        this.#toggle(one)
                    },
                }, mark(one.isAccessible), svg("text", { "text-anchor": "middle", y: 4, "aria-hidden": "true" }, number(seat)))
                this.#byLabel.set(one.label, one)
                return one
            })
            this.#seats.push(seats)
            return svg("g", { role: "row", "aria-label": t("seats.row", { row: row.label }) },
                svg("text", { class: "row-name", x: pitch * 0.6, y: y + 4, "text-anchor": "middle", "aria-hidden": "true" }, row.label),
                ...seats.map((one) => one.element))
        })
        const drawing = svg("svg", {
            role: "grid", "aria-label": section.name, "aria-multiselectable": "true", "aria-describedby": "map-help",
            viewBox: `0 0 ${width} ${height}`, width, height, onkeydown: (event) => this.#press(event),
        }, svg("g", { "aria-hidden": "true" },
            svg("rect", { class: "front", x: pitch * 1.7, y: 4, width: width - pitch * 2.4, height: 20, rx: 8 }),
            svg("text", { class: "front-name", x: width / 2 + pitch * 0.5, y: 18, "text-anchor": "middle" }, t("seats.stage"))), ...rows)
        this.#stage.replaceChildren(drawing)
        for (const one of this.#byLabel.values()) this.#paint(one)
        const start = this.#seats.flat().find((one) => one.isFree) ?? this.#seats[0]?.[0]
        start?.element.setAttribute("tabindex", "0")
    }

    #repaint(label) {
        const one = this.#byLabel.get(label)
        if (one) this.#paint(one)
    }

    #paint(one) {
        const isPicked = this.#picked.has(one.label)
        const state = isPicked ? "picked" : one.isFree ? "free" : "taken"
        one.element.setAttribute("class", `seat ${state}${one.isAccessible ? " accessible" : ""}`)
        one.element.setAttribute("aria-selected", String(isPicked))
        one.element.setAttribute("aria-disabled", String(!one.isFree))
        one.element.setAttribute("aria-label", [
            t("seats.seat", { row: one.row, seat: String(one.seat) }), money(this.#tier(this.#section).price), t(`seats.${state}`),
            one.isAccessible ? t("seats.accessible") : "",
        ].filter(Boolean).join(", "))
    }

    #focus(one) {
        for (const other of this.#byLabel.values()) other.element.setAttribute("tabindex", other === one ? "0" : "-1")
        one.element.focus()
    }

    #toggle(one) {
        if (!one.isFree) return announce(t("seats.taken"))
        if (!this.#picked.delete(one.label)) {
            // The seats of one hold are of one price level.
            const tier = this.#section.tier
            for (const [label, { section }] of [...this.#picked]) {
                if (section.tier !== tier && this.#picked.delete(label)) this.#repaint(label)
            }
            const name = `${this.#section.name}: ${t("seats.seat", { row: one.row, seat: String(one.seat) })}`
            this.#picked.set(one.label, { section: this.#section, name })
        }
        this.#paint(one)
        this.#sum()
    }

    /// The arrow keys go from seat to seat, as they lie.
    #press(event) {
        const one = [...this.#byLabel.values()].find((other) => other.element === document.activeElement)
        if (!one) return
        const row = this.#seats[one.line]
        const beside = (by) => row[Math.min(row.length - 1, Math.max(0, one.index + by))]
        const behind = (by) => {
            const other = this.#seats[Math.min(this.#seats.length - 1, Math.max(0, one.line + by))]
            const at = (row.length - 1) / 2 - one.index
            return other[Math.min(other.length - 1, Math.max(0, Math.round((other.length - 1) / 2 - at)))]
        }
        switch (event.key) {
        case "ArrowLeft": this.#focus(beside(-1)); break
        case "ArrowRight": this.#focus(beside(1)); break
        case "ArrowUp": this.#focus(behind(-1)); break
        case "ArrowDown": this.#focus(behind(1)); break
        case "Home": this.#focus(row[0]); break
        case "End": this.#focus(row.at(-1)); break
        case " ": case "Enter": this.#toggle(one); break
        default: return
        }
        event.preventDefault()
    }

    #sum() {
        const seats = [...this.#picked.values()]
        this.#hold.button.hidden = !seats.length
        say(this.#list, seats.length ? seats.map((seat) => seat.name).join(" · ") : t("seats.none"))
        if (!seats.length) return
        const { amount, currency } = this.#tier(seats[0].section).price
        say(this.#hold.button, t("choose.button", { n: seats.length, total: money({ amount: amount * seats.length, currency }) }))
    }
}

/// Round for most; square for those that a wheelchair gets to.
function mark(isAccessible) {
    return isAccessible
        ? svg("rect", { x: -12, y: -12, width: 24, height: 24, rx: 4 }) : svg("circle", { r: 12 })
}
