// What is left of an on-sale on paper: its certificate, its orders, its plan, and who changed what.
import { h } from "./dom.js"
import { call } from "./session.js"
import { when } from "./promoter-words.js"

/// Links to documents, and the log of changes.
export async function papers(id, record) {
    const base = `/v1/promoter/on-sales/${id}`
    let log = null
    try {
        log = await call("GET", `/v1/on-sales/${id}/certificate`)
    } catch (problem) {
        if (problem.status !== 404 && problem.status !== 409) throw problem
    }
    const paper = (title, text, ...links) => h("div", { class: "card stack" }, h("h2", {}, title), h("p", { class: "quiet" }, text), h("div", { class: "row" }, links))
    return {
        element: h("div", { class: "stack" },
            h("div", { class: "charts" },
                paper("Certificate", "What was promised and what was done, for everybody to check: the draw, the line, the stock, and every exception.",
                    h("a", { class: "button", href: `/on-sales/${id}/certificate`, target: "_blank", id: "certificate" }, "Read it", h("span", { class: "unseen" }, " (opens in a new tab)"))),
                paper("Orders", "Every reservation, however it ended, with its seats and its payment. Amounts are in minor units.",
                    h("a", { class: "button", href: `${base}/orders.csv`, download: `orders-${id}.csv`, id: "orders" }, "Save as CSV")),
                paper("Plan", "As it is in force. To rehearse it with synthetic buyers: usher rehearse --plan plan.json",
                    h("a", { class: "button", href: `${base}/plan`, download: "plan.json", id: "plan" }, "Save as JSON"))),
            log && h("div", { class: "card stack" }, h("h2", {}, "Who changed what"),
                h("p", { class: "quiet" }, log.audit_whole ? "The log is whole: each entry is chained to the one before." : "The chain of this log is broken; tell your operator."),
                h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Changes of ${record.title}` }, h("table", {},
                    h("thead", {}, h("tr", {}, ["When", "Who", "What", "Details"].map((name) => h("th", { scope: "col" }, name)))),
                    h("tbody", {}, [...log.audit].reverse().map((entry) => h("tr", {},
                        h("td", {}, when(entry.recorded_at)), h("td", {}, entry.actor), h("td", {}, entry.action.replaceAll("_", " ")),
                        h("td", { class: "mono" }, details(entry.detail))))))))),
    }
}

function details(text) {
    try {
        return Object.entries(JSON.parse(text)).filter(([, value]) => value !== null && value !== "").map(([name, value]) => `${name} ${value}`).join(", ")
    } catch {
        return text
    }
}
