// The box office, as a page asks it: the tokens are in cookies that no script sees.

/// An answer that is a refusal; `body` is its problem document.
export class Refusal extends Error {
    constructor(status, body, retryAfter) {
        super(body?.detail ?? body?.title ?? `status ${status}`)
        this.status = status
        this.body = body ?? {}
        this.code = body?.code ?? ""
        this.retryAfter = retryAfter
    }
}

/// Asks; throws a `Refusal`, or a `TypeError` when nobody answered.
export async function call(onSale, method, path, { body, headers = {}, fresh = true } = {}) {
    const sent = { "Usher-Cookies": onSale, ...headers }
    if (body !== undefined) sent["Content-Type"] = "application/json"
    const answer = await fetch(path, {
        method, headers: sent, credentials: "same-origin", cache: fresh ? "no-store" : "no-cache",
        body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(20000),
    })
    const text = await answer.text()
    let value = null
    try { value = text ? JSON.parse(text) : null } catch { /* A proxy's page says nothing that we could use. */ }
    if (!answer.ok) throw new Refusal(answer.status, value, Number(answer.headers.get("Retry-After")) || null)
    return value
}

/// What this browser keeps of one on-sale; where it may keep nothing, as long as the page lasts.
export class Memory {
    #prefix
    #rest = new Map()

    constructor(onSale) {
        this.#prefix = `usher.${onSale}.`
    }

    get(name) {
        try {
            const text = localStorage.getItem(this.#prefix + name)
            if (text !== null) return JSON.parse(text)
        } catch { /* Forbidden, or not ours: what is in memory has to do. */ }
        return this.#rest.get(name) ?? null
    }

    set(name, value) {
        this.#rest.set(name, value)
        try {
            if (value == null) localStorage.removeItem(this.#prefix + name)
            else localStorage.setItem(this.#prefix + name, JSON.stringify(value))
        } catch { /* As above. */ }
    }
}

/// Random bytes in unpadded base64url.
export function random(count) {
    const bytes = crypto.getRandomValues(new Uint8Array(count))
    return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "")
}
