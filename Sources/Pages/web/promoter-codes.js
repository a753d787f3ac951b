// Codes and invitations for presale groups.
import { h, say, toast } from "./dom.js"
import { call, isReadOnly } from "./session.js"
import { counted } from "./promoter-words.js"

/// What there is of each group, and ways to make and take back.
export async function codes(id, record) {
    const base = `/v1/promoter/on-sales/${id}`
    const body = h("tbody")
    const made = h("div", { "aria-live": "polite" })
    let groups = (await call("GET", `${base}/codes`)).groups

    function fill() {
        body.replaceChildren(...groups.map((group) => h("tr", {},
            h("th", { scope: "row" }, group.name), h("td", { class: "number" }, group.priority.toLocaleString()),
            ...["codes", "used", "revoked", "invited"].map((name) => h("td", { class: "number" }, group[name].toLocaleString())),
            !isReadOnly() && h("td", {}, h("button", {
                type: "button", class: "small", disabled: group.codes - group.used - group.revoked <= 0, onclick: () => revoke(group),
            }, "Take back unused", h("span", { class: "unseen" }, ` codes of ${group.name}`))))))
    }

    async function revoke(group) {
        if (!await confirmed(`Take back the ${counted(group.codes - group.used - group.revoked, "unused code")} of ${group.name}? They can't be given out again.`, "Take them back")) return
        groups = (await call("POST", `${base}/codes/revoke`, { body: { group: group.id } })).groups
        fill()
        toast("The unused codes are taken back.")
    }

    const group = h("select", { id: "codes-group" }, groups.map(({ id, name }) => h("option", { value: id }, name)))
    const count = h("input", { id: "codes-count", inputmode: "numeric", value: "100", "aria-describedby": "codes-problem" })
    const problem = h("p", { class: "problem", id: "codes-problem", role: "alert" })
    async function make(event) {
        event.preventDefault()
        say(problem, "")
        try {
            const answer = await call("POST", `${base}/codes`, { body: { group: group.value, count: Number(count.value) || count.value } })
            const text = ["code,group", ...answer.codes.map((code) => `${code},${answer.group}`)].join("\r\n") + "\r\n"
            const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }))
            made.replaceChildren(h("div", { class: "note stack" },
                h("p", {}, h("strong", {}, `${counted(answer.codes.length, "code")} for ${answer.group}. `), "They are shown now and never again: only their hashes are kept."),
                h("div", { class: "row" }, h("a", { class: "button primary", href, download: `codes-${answer.group}.csv` }, "Save them as CSV")),
                h("ul", { class: "codes", tabindex: "0", "aria-label": "The codes" }, answer.codes.map((code) => h("li", {}, code)))))
            groups = (await call("GET", `${base}/codes`)).groups
            fill()
        } catch (error) {
            say(problem, error.message)
        }
    }
    fill()
    const element = groups.length ? h("div", { class: "stack" },
        h("div", { class: "card stack" }, h("h2", {}, "Groups"),
            h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Groups and their codes" }, h("table", {},
                h("thead", {}, h("tr", {}, ["Group", "Priority", "Codes", "Used", "Taken back", "Invited"].map((name, index) => h("th", { scope: "col", class: index ? "number" : null }, name)),
                    !isReadOnly() && h("td", {}))), body))),
        !isReadOnly() && h("form", { class: "card stack", onsubmit: make, novalidate: true }, h("h2", {}, "Make codes"),
            h("div", { class: "grid" },
                h("div", { class: "field" }, h("label", { for: "codes-group" }, "Group"), group),
                h("div", { class: "field" }, h("label", { for: "codes-count" }, "How many"), count, problem)),
            h("div", {}, h("button", { class: "primary" }, "Make them")), made))
        : h("p", { class: "card quiet" }, "This on-sale has no presale groups. They are part of the plan.")
    return { element: h("div", {}, h("h2", { class: "unseen" }, `Codes of ${record.title}`), element) }
}

/// Asks whether something is meant.
export function confirmed(text, yes) {
    return new Promise((resolve) => {
        const dialog = h("dialog", { "aria-labelledby": "confirm-text" }, h("form", { method: "dialog", class: "stack" },
            h("p", { id: "confirm-text" }, text),
            h("div", { class: "row" }, h("button", { class: "danger", value: "yes" }, yes), h("button", { value: "no" }, "Keep it as it is"))))
        dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes") })
        document.body.append(dialog)
        dialog.showModal()
    })
}
