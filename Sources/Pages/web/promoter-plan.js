// Scheduling an on-sale: a form, or a plan that is uploaded into it. The server reads the plan as often as it changes, and what
// is wrong stands at the field.
import { Problem, h, say, toast } from "./dom.js"
import { rehearsal } from "./promoter-rehearsal.js"
import { room } from "./promoter-seats.js"
import { call } from "./session.js"
import { counted, digits, money } from "./promoter-words.js"

const fresh = () => {
    const at = (days, hour) => {
        const date = new Date(Date.now() + days * 86_400_000)
        date.setHours(hour, 0, 0, 0)
        return date.toISOString().replace(".000Z", "Z")
    }
    return {
        title: "", venue: "", city: "", currency: "EUR", opens_at: at(7, 9), starts_at: at(7, 10), closes_at: at(7, 22),
        rate_per_minute: 240, active_limit: 120, max_per_buyer: 4, capacity: 100,
        tiers: [{ id: "standing", name: "Standing", price: 3200 }],
        sections: [{ id: "FLOOR", name: "Floor", tier: "standing", standing: 100 }],
    }
}

/// The members that the form has a place for, in its order. Others of an uploaded plan are kept and shown as what they are.
const known = ["title", "venue", "city", "currency", "opens_at", "starts_at", "closes_at", "rate_per_minute", "active_limit",
    "max_per_buyer", "capacity", "tiers", "sections", "groups", "turn_seconds", "session_seconds", "hold_seconds",
    "extension_seconds", "extension_limit", "payment_seconds", "payment_limit", "buyers", "invitation_only"]

/// The form as an element; calls `done` with the id of what was scheduled.
export function planForm(done) {
    let plan = fresh()
    let problems = []
    let timer = null
    let asked = 0
    let fields = 0
    // What is wrong is told once there is a plan that somebody takes for one.
    let isTelling = false

    const form = h("form", { class: "stack", novalidate: true, onsubmit: schedule })
    const summary = h("div", { class: "problems", "aria-live": "polite" })
    const preview = h("div", { class: "card stack" })
    const send = h("button", { class: "primary" }, "Schedule it")
    const rehearsed = rehearsal(() => plan)
    const element = h("section", { "aria-labelledby": "plan-title" },
        h("div", { class: "head" }, h("h1", { id: "plan-title" }, "Schedule an on-sale")),
        h("div", { class: "plan" }, form, h("div", { class: "side" }, preview, rehearsed.element)))

    // MARK: The server's reading

    function changed() {
        clearTimeout(timer)
        timer = setTimeout(check, 250)
    }

    async function check() {
        const turn = asked += 1
        let reading = null
        try {
            reading = await call("POST", "/v1/promoter/plan-check", { body: plan })
            if (turn !== asked) return false
            problems = []
        } catch (problem) {
            if (turn !== asked) return false
            if (!(problem instanceof Problem) || problem.code !== "invalid_fields") {
                say(summary, "")
                summary.replaceChildren(h("p", { class: "note bad" }, `The plan could not be checked: ${problem.message}`))
                return false
            }
            problems = problem.fields
            // The room can be drawn before the event has a name.
            const names = ["title", "venue", "city"]
            if (problems.every(({ field }) => names.includes(field))) {
                const named = Object.fromEntries(names.map((name) => [name, plan[name] || "–"]))
                const room = await call("POST", "/v1/promoter/plan-check", { body: { ...plan, ...named } }).catch(() => null)
                if (turn !== asked) return false
                tell()
                draw(room)
                return false
            }
        }
        tell()
        draw(reading)
        return reading != null
    }

    /// The nearest field for what is wrong at a path.
    function fieldAt(path) {
        for (let at = path; at; at = at.replace(/(\.[^.[]*|\[\d+\])$/, "")) {
            const found = form.querySelector(`[data-path="${CSS.escape(at)}"]`)
            if (found) return found
            if (!/[.[]/.test(at)) break
        }
        return null
    }

    function tell() {
        for (const field of form.querySelectorAll("[data-path]")) {
            field.removeAttribute("aria-invalid")
            const place = form.querySelector(`#${CSS.escape(field.id)}-problem`)
            if (place) say(place, "")
        }
        if (!isTelling) return summary.replaceChildren()
        const links = problems.map(({ field, message }) => {
            const input = fieldAt(field)
            const place = input && form.querySelector(`#${CSS.escape(input.id)}-problem`)
            if (place) {
                input.setAttribute("aria-invalid", "true")
                const rest = field.slice(input.dataset.path.length).replace(/^\./, "")
                const text = rest && !input.matches("fieldset") ? `${rest}: ${message}` : message
                say(place, place.textContent ? `${place.textContent}; ${text}` : text)
            }
            const words = `${field || "The plan"}: ${message}`
            return h("li", {}, input ? h("a", { href: `#${input.id}`, onclick: (event) => { event.preventDefault(); reach(input) } }, words) : words)
        })
        summary.replaceChildren(...(links.length
            ? [h("div", { class: "note bad" }, h("p", {}, h("strong", {}, `${counted(links.length, "problem")} with the plan`)), h("ul", {}, links))]
            : [h("p", { class: "note good" }, "The plan is good.")]))
    }

    function reach(input) {
        input.closest("details")?.setAttribute("open", "")
        input.focus()
        input.scrollIntoView({ block: "center" })
    }

    function draw(reading) {
        if (!reading) {
            preview.replaceChildren(h("h2", {}, "The room"), h("p", { class: "quiet" }, "It is drawn as soon as the plan can be read."))
            return
        }
        const most = reading.tiers.reduce((sum, tier) => sum + tier.capacity * tier.price.amount, 0)
        preview.replaceChildren(
            h("h2", {}, "The room"),
            h("p", { class: "quiet" }, `${counted(reading.capacity, "ticket")}, ${money({ amount: most, currency: reading.currency })} if all are sold.`),
            h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Tiers" }, h("table", {},
                h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Tier"), h("th", { scope: "col", class: "number" }, "Tickets"), h("th", { scope: "col", class: "number" }, "Price"))),
                h("tbody", {}, reading.tiers.map((tier, index) => h("tr", {},
                    h("th", { scope: "row", class: `t${index % 6 + 1}` }, tier.name),
                    h("td", { class: "number" }, tier.capacity.toLocaleString()),
                    h("td", { class: "number" }, money(tier.price))))))),
            room(reading.sections, reading.tiers))
    }

    async function schedule(event) {
        event.preventDefault()
        clearTimeout(timer)
        isTelling = true
        if (!await check()) {
            const first = problems[0] && fieldAt(problems[0].field)
            if (first) reach(first)
            return
        }
        send.disabled = true
        try {
            const record = await call("POST", "/v1/promoter/on-sales", { body: plan })
            toast(`“${record.title}” is scheduled.`)
            done(record.id)
        } catch (problem) {
            problems = problem.fields?.length ? problem.fields : [{ field: "", message: problem.message }]
            tell()
            const first = fieldAt(problems[0].field)
            if (first) reach(first)
        } finally {
            send.disabled = false
        }
    }

    // MARK: Fields

    /// A labelled field of a member of `owner`, told of by its path in the plan.
    function field(owner, member, path, label, { hint, read = (text) => text, write = (value) => value ?? "", wide, input, ...attributes } = {}) {
        const id = `f${fields += 1}`
        const control = input ?? h("input", { ...attributes })
        control.id = id
        control.dataset.path = path
        control.setAttribute("aria-describedby", hint ? `${id}-hint ${id}-problem` : `${id}-problem`)
        control.value = write(owner[member])
        control.addEventListener("input", () => {
            const value = read(control.value)
            if (value === undefined || value === "") delete owner[member]
            else owner[member] = value
            changed()
        })
        return h("div", { class: `field${wide ? " wide" : ""}` },
            h("label", { for: id }, label), control,
            hint && h("p", { class: "hint", id: `${id}-hint` }, hint),
            h("p", { class: "problem", id: `${id}-problem` }))
    }

    /// A number; what is none is sent as it was typed, so that the server says what it wants.
    const number = (owner, member, path, label, options = {}) => field(owner, member, path, label, {
        inputmode: "numeric", ...options, read: (text) => text.trim() === "" ? undefined : /^-?\d+$/.test(text.trim()) ? Number(text) : text,
    })

    const instant = (member, label, hint) => field(plan, member, member, label, {
        type: "datetime-local", step: /:00Z$/.test(plan[member] ?? ":00Z") ? null : "1", hint,
        write: (text) => {
            const date = new Date(text)
            return isNaN(date) ? "" : new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, date.getSeconds() ? 19 : 16)
        },
        read: (text) => text && !isNaN(new Date(text)) ? new Date(text).toISOString().replace(".000Z", "Z") : undefined,
    })

    function price(tier, path) {
        const places = digits(plan.currency)
        return field(tier, "price", `${path}.price`, `Price in ${plan.currency ?? "units"}`, {
            inputmode: "decimal",
            write: (value) => typeof value === "number" ? (value / 10 ** places).toFixed(places) : value ?? "",
            read: (text) => {
                const amount = Number(text.replace(",", "."))
                return text.trim() === "" ? undefined : Number.isFinite(amount) ? Math.round(amount * 10 ** places) : text
            },
        })
    }

    function choice(owner, member, path, label, options, extra = {}) {
        const input = h("select", {}, options.map(([value, text]) => h("option", { value }, text)))
        return field(owner, member, path, label, { input, ...extra })
    }

    /// A part of a list, with a way to take it out.
    function piece(list, index, title, path, ...content) {
        const id = `f${fields += 1}`
        return h("div", { class: "piece", role: "group", "aria-labelledby": `${id}-title`, id, "data-path": path, tabindex: "-1" },
            h("div", { class: "piece-head" }, h("h3", { id: `${id}-title` }, title),
                h("button", { type: "button", class: "small plain", onclick: () => { list.splice(index, 1); render(); changed() } }, `Remove ${title.toLowerCase()}`)),
            h("p", { class: "problem", id: `${id}-problem` }), ...content)
    }

    const adder = (text, add) => h("p", {}, h("button", { type: "button", class: "small", onclick: () => { add(); render(); changed() } }, text))

    // MARK: Parts of the form

    function tiers() {
        const list = Array.isArray(plan.tiers) ? plan.tiers : plan.tiers = []
        return part("tiers", "Tiers", list.map((tier, index) => piece(list, index, `Tier ${index + 1}`, `tiers[${index}]`, h("div", { class: "grid" },
            field(tier, "name", `tiers[${index}].name`, "Name"),
            field(tier, "id", `tiers[${index}].id`, "Short id", { spellcheck: "false" }),
            price(tier, `tiers[${index}]`)))),
        adder("Add a tier", () => list.push({ id: `tier${list.length + 1}`, name: "", price: 0 })))
    }

    function sections() {
        const list = Array.isArray(plan.sections) ? plan.sections : plan.sections = []
        const names = (plan.tiers ?? []).map((tier) => [tier.id ?? "", tier.name || tier.id || "?"])
        return part("sections", "Sections", list.map((section, index) => {
            const path = `sections[${index}]`
            const isSeated = section.rows !== undefined
            const tierNames = names.some(([id]) => id === section.tier) ? names : [[section.tier ?? "", section.tier ?? "Choose one"], ...names]
            const kind = h("select", { id: `f${fields += 1}` }, h("option", { value: "standing" }, "To stand"), h("option", { value: "rows" }, "Rows of seats"))
            kind.value = isSeated ? "rows" : "standing"
            kind.addEventListener("change", () => {
                if (kind.value === "rows") { delete section.standing; section.rows = [{ row: "A-E", seats: 20 }] }
                else { delete section.rows; delete section.focus; section.standing = 100 }
                render()
                changed()
            })
            return piece(list, index, `Section ${index + 1}`, path, h("div", { class: "grid" },
                field(section, "name", `${path}.name`, "Name"),
                field(section, "id", `${path}.id`, "Short id", { spellcheck: "false" }),
                choice(section, "tier", `${path}.tier`, "Tier", tierNames),
                h("div", { class: "field" }, h("label", { for: kind.id }, "Kind"), kind),
                isSeated ? rows(section, path) : number(section, "standing", `${path}.standing`, "How many places")))
        }), adder("Add a section", () => list.push({ id: `S${list.length + 1}`, name: "", tier: plan.tiers?.[0]?.id ?? "", standing: 100 })))
    }

    function rows(section, path) {
        const input = h("textarea", { class: "rows", spellcheck: "false" })
        return field(section, "rows", `${path}.rows`, "Rows", {
            input, wide: true, hint: "A line for each: its label or span, and its seats, as in “A: 1-10,13-22 accessible 1-2” or “B-F: 24”.",
            write: (list) => Array.isArray(list) ? list.map((row) => `${row.row ?? ""}: ${row.seats ?? ""}${row.accessible ? ` accessible ${row.accessible}` : ""}`).join("\n") : "",
            read: (text) => text.split("\n").filter((line) => line.trim()).map((line) => {
                const [, row, seats, accessible] = /^([^:]*):?([^a-z]*)(?:accessible(.*))?$/.exec(line) ?? [null, line, ""]
                const count = seats.trim().replaceAll(" ", "")
                return { row: row.trim(), seats: /^\d+$/.test(count) ? Number(count) : count, ...(accessible ? { accessible: accessible.trim() } : {}) }
            }),
        })
    }

    function groups() {
        const list = Array.isArray(plan.groups) ? plan.groups : plan.groups = []
        if (!list.length) delete plan.groups
        const add = () => { plan.groups = list; list.push({ id: `group${list.length + 1}`, name: "", priority: 1 }) }
        return part("groups", "Presale groups", list.map((group, index) => piece(list, index, `Group ${index + 1}`, `groups[${index}]`, h("div", { class: "grid" },
            field(group, "name", `groups[${index}].name`, "Name"),
            field(group, "id", `groups[${index}].id`, "Short id", { spellcheck: "false" }),
            number(group, "priority", `groups[${index}].priority`, "Priority", { hint: "1 comes first" }),
            number(group, "max_per_buyer", `groups[${index}].max_per_buyer`, "Tickets per buyer")))),
        !list.length && h("p", { class: "quiet" }, "Fans who come before everybody else, with codes that you make after scheduling."),
        adder("Add a group", add))
    }

    function part(path, title, ...content) {
        const id = `f${fields += 1}`
        return h("fieldset", { class: "card", id, "data-path": path, tabindex: "-1" }, h("legend", {}, h("h2", {}, title)), h("p", { class: "problem", id: `${id}-problem` }), ...content.flat())
    }

    function upload() {
        const id = `f${fields += 1}`
        const input = h("input", { type: "file", accept: ".json,application/json", id, "aria-describedby": `${id}-hint ${id}-file` })
        const problem = h("p", { class: "problem", id: `${id}-file`, role: "alert" })
        async function take(file) {
            if (!file) return
            let read
            try {
                read = JSON.parse(await file.text())
                if (read === null || typeof read !== "object" || Array.isArray(read)) throw new Error("a plan is one JSON object")
            } catch (error) {
                problem.textContent = `${file.name} can't be read: ${error.message}`
                input.setAttribute("aria-invalid", "true")
                return
            }
            plan = read
            // What was wrong before is not wrong with this one.
            isTelling = false
            render()
            isTelling = true
            toast(`${file.name} is in the form.`)
            await check()
        }
        input.addEventListener("change", () => take(input.files[0]))
        const zone = h("div", {
            class: "drop",
            ondragover: (event) => { event.preventDefault(); zone.classList.add("over") },
            ondragleave: () => zone.classList.remove("over"),
            ondrop: (event) => { event.preventDefault(); zone.classList.remove("over"); take(event.dataTransfer.files[0]) },
        }, h("label", { for: id }, "Upload a plan"), input, h("p", { class: "hint small quiet", id: `${id}-hint` }, "A JSON file; it fills the form below, where you can go on."), problem)
        return zone
    }

    function others() {
        const names = Object.keys(plan).filter((name) => !known.includes(name))
        if (!names.length) return null
        return part("others", "Also in the plan", h("ul", { class: "small" }, names.map((name) => {
            const id = `f${fields += 1}`
            return h("li", { id, "data-path": name, tabindex: "-1" }, h("code", {}, `${name}: ${JSON.stringify(plan[name])}`), h("p", { class: "problem", id: `${id}-problem` }))
        })))
    }

    function render() {
        const scroll = window.scrollY
        form.replaceChildren(...[
            upload(),
            h("fieldset", { class: "card" }, h("legend", {}, h("h2", {}, "The event")), h("div", { class: "grid" },
                field(plan, "title", "title", "Title", { wide: true }),
                field(plan, "venue", "venue", "Venue"), field(plan, "city", "city", "City"),
                field(plan, "currency", "currency", "Currency", { hint: "Such as EUR", maxlength: "3", read: (text) => text.toUpperCase() }),
                number(plan, "capacity", "capacity", "All tickets", { hint: "Checked against the sections" }))),
            h("fieldset", { class: "card" }, h("legend", {}, h("h2", {}, "When")), h("div", { class: "grid" },
                instant("opens_at", "The room opens"), instant("starts_at", "The sale starts"), instant("closes_at", "The sale ends"),
                h("p", { class: "quiet small wide" }, `Times are yours: ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`))),
            h("fieldset", { class: "card" }, h("legend", {}, h("h2", {}, "How fast")), h("div", { class: "grid" },
                number(plan, "rate_per_minute", "rate_per_minute", "Called in a minute"),
                number(plan, "active_limit", "active_limit", "Inside at one time"),
                number(plan, "max_per_buyer", "max_per_buyer", "Tickets per buyer")),
            h("details", {}, h("summary", {}, "Times for buyers, and who may come"), h("div", { class: "grid" },
                number(plan, "turn_seconds", "turn_seconds", "A turn, in seconds", { hint: "120 if empty" }),
                number(plan, "session_seconds", "session_seconds", "Time inside, in seconds", { hint: "600 if empty" }),
                number(plan, "hold_seconds", "hold_seconds", "A hold, in seconds", { hint: "300 if empty" }),
                number(plan, "extension_seconds", "extension_seconds", "An extension, in seconds", { hint: "120 if empty" }),
                number(plan, "extension_limit", "extension_limit", "Extensions", { hint: "1 if empty" }),
                number(plan, "payment_seconds", "payment_seconds", "A payment, in seconds", { hint: "180 if empty" }),
                number(plan, "payment_limit", "payment_limit", "Payments that are tried", { hint: "3 if empty" }),
                choice(plan, "buyers", "buyers", "Buyers", [["", "Anybody"], ["proven", "Only those you vouch for"]]),
                choice(plan, "invitation_only", "invitation_only", "Open to", [["", "Everybody"], ["true", "Groups only"]],
                    { read: (text) => text === "true" ? true : undefined, write: (value) => value === true ? "true" : "" })))),
            tiers(), sections(), groups(), others(),
            summary,
            h("div", { class: "ends" }, send,
                h("button", { type: "button", onclick: () => { isTelling = true; check() } }, "Check the plan"),
                h("button", { type: "button", class: "plain", onclick: save }, "Save it as a file")),
        ].filter(Boolean))
        tell()
        scrollTo(0, scroll)
    }

    function save() {
        const link = h("a", { href: URL.createObjectURL(new Blob([`${JSON.stringify(plan, null, 2)}\n`], { type: "application/json" })), download: "plan.json" })
        link.click()
        URL.revokeObjectURL(link.href)
    }

    render()
    draw(null)
    check()
    return { element, leaving: () => { clearTimeout(timer); asked += 1; rehearsed.leaving() } }
}
