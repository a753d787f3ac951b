// Small things that every page needs. Nothing here makes HTML from text: elements are made one by one.

/// Makes an element: `h("p", { class: "quiet", onclick }, "text", child)`.
export function h(name, attributes = {}, ...children) {
    const element = document.createElement(name)
    assign(element, attributes)
    element.append(...children.flat().filter((child) => child != null && child !== false))
    return element
}

/// The same for what is drawn.
export function svg(name, attributes = {}, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name)
    assign(element, attributes)
    element.append(...children.flat().filter((child) => child != null && child !== false))
    return element
}

function assign(element, attributes) {
    for (const [name, value] of Object.entries(attributes)) {
        if (value == null || value === false) continue
        if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
        else element.setAttribute(name, value === true ? "" : value)
    }
}

/// The first element that a selector finds.
export const $ = (selector, root = document) => root.querySelector(selector)

/// Puts a text where it differs, so that nothing is read out again that has not changed.
export function say(element, text) {
    if (element.textContent !== text) element.textContent = text
}

/// What an answer other than success says of itself; RFC 9457.
export class Problem extends Error {
    constructor(status, body, retryAfter) {
        super(body?.detail ?? body?.title ?? `status ${status}`)
        this.status = status
        this.code = body?.code ?? ""
        this.fields = body?.errors ?? []
        this.retryAfter = retryAfter
    }
}

/// Asks the API; `body` is sent as JSON.
///
/// Throws a `Problem` for what was refused and a `TypeError` when nobody answered.
export async function ask(method, path, { body, headers = {}, signal } = {}) {
    const sent = { ...headers }
    if (body !== undefined) sent["Content-Type"] = "application/json"
    const response = await fetch(path, {
        method, headers: sent, signal, credentials: "same-origin", cache: "no-store",
        body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    const isJSON = (response.headers.get("Content-Type") ?? "").includes("json")
    const value = isJSON && text ? JSON.parse(text) : null
    if (!response.ok) throw new Problem(response.status, value, Number(response.headers.get("Retry-After")) || null)
    return value
}

/// Tells something in passing, to eyes and ears.
export function toast(text) {
    let place = $(".toasts")
    if (!place) document.body.append(place = h("div", { class: "toasts", role: "status", "aria-live": "polite" }))
    const element = h("div", {}, text)
    place.append(element)
    setTimeout(() => element.remove(), 6000)
}
