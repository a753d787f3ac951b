// Signing in to the pages of staff, and asking the API with what that gave.
import { Problem, ask, h } from "./dom.js"

let current = null

/// Who is signed in: `role`, `label`, `scopes`, `csrf`, `expires_at`; null for nobody.
export const session = () => current

/// Whether the key only looks.
export const isReadOnly = () => current?.scopes.includes("read") ?? false

/// Finds out after a load of the page who is signed in.
export async function restore() {
    try {
        current = await ask("GET", "/v1/session")
    } catch (problem) {
        if (problem.status !== 401) throw problem
        current = null
    }
    return current
}

export async function signIn(key) {
    return current = await ask("POST", "/v1/session", { body: { key } })
}

/// Signs out, wherever the session stands already.
export async function signOut() {
    try {
        await call("DELETE", "/v1/session")
    } catch (problem) {
        if (!(problem instanceof Problem)) throw problem
    }
    current = null
}

/// Asks the API in the name of whoever is signed in. When nobody is any more, `signed-out` is dispatched at the window.
export async function call(method, path, options = {}) {
    try {
        return await ask(method, path, withToken(options))
    } catch (problem) {
        // Another tab has signed in anew: this one has an old token, and perhaps another role.
        if (problem.code === "csrf_required") {
            const role = current?.role
            if ((await restore())?.role === role) return await ask(method, path, withToken(options))
        }
        if (problem.status === 401 || problem.code === "wrong_role" || problem.code === "csrf_required") {
            current = null
            dispatchEvent(new CustomEvent("signed-out"))
        }
        throw problem
    }
}

const withToken = (options) => ({
    ...options, headers: { ...options.headers, ...(current ? { "X-CSRF-Token": current.csrf } : {}) },
})

/// What a refusal to sign in means for whoever stands before it.
function explain(problem, role) {
    if (!(problem instanceof Problem)) return "The box office does not answer. Try again in a moment."
    if (problem.code === "locked_out") {
        const minutes = Math.max(1, Math.ceil((problem.retryAfter ?? 60) / 60))
        return `Too many wrong keys came from your network. Try again in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`
    }
    if (problem.code === "wrong_role") return `This key is not for the ${role}.`
    if (problem.status === 401) return "This key is not one of ours, or was taken back."
    return problem.message
}

/// The form to sign in with: of a `role`, with a `title` and an `intro`; calls `done` when it worked.
export function signInForm({ role, title, intro, done }) {
    const field = h("input", {
        id: "key", type: "password", name: "key", autocomplete: "current-password", required: true, spellcheck: "false",
        autocapitalize: "off", "aria-describedby": "key-hint key-problem",
    })
    const problem = h("p", { id: "key-problem", class: "problem", role: "alert" })
    const button = h("button", { class: "primary" }, "Sign in")
    const refuse = (text) => {
        problem.textContent = text
        field.setAttribute("aria-invalid", "true")
        field.focus()
    }
    async function submit(event) {
        event.preventDefault()
        const key = field.value.trim()
        if (!key) return refuse("Paste your key here.")
        button.disabled = true
        try {
            const session = await signIn(key)
            if (session.role !== role) {
                await signOut()
                throw new Problem(403, { code: "wrong_role" })
            }
            done()
        } catch (error) {
            refuse(explain(error, role))
        } finally {
            button.disabled = false
        }
    }
    return h("section", { class: "sign-in card stack", "aria-labelledby": "sign-in-title" },
        h("h1", { id: "sign-in-title" }, title),
        h("p", { class: "quiet" }, intro),
        h("form", { class: "stack", novalidate: true, onsubmit: submit },
            h("div", { class: "field" },
                h("label", { for: "key" }, "Key"), field,
                h("p", { id: "key-hint", class: "hint" }, "It begins with uk_ and is kept nowhere but with you."),
                problem),
            button))
}
