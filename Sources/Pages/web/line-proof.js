// The draw, made again for one's own place: every step with what goes in and what comes out. See docs/fairness.md.

import { h } from "./dom.js"
import { t } from "./i18n.js"
import { app, ask, reason } from "./line.js"

// MARK: Bytes

const ascii = (text) => new TextEncoder().encode(text)
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16))

function join(...parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
        whole.set(part, at)
        at += part.length
    }
    return whole
}

/// A number in so many bytes, the most significant first.
function bytes(value, count) {
    const result = new Uint8Array(count)
    let rest = BigInt(value)
    for (let index = count - 1; index >= 0; index--) {
        result[index] = Number(rest & 255n)
        rest >>= 8n
    }
    return result
}

/// The number behind a public id: base 32 after the prefix.
function decode(id) {
    const digits = "0123456789abcdefghjkmnpqrstvwxyz"
    return [...id.slice(3)].reduce((value, digit) => value * 32n + BigInt(digits.indexOf(digit)), 0n)
}

const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)))

async function hmac(key, message) {
    const made = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
    return new Uint8Array(await crypto.subtle.sign("HMAC", made, message))
}

// MARK: What docs/fairness.md fixes

/// The entry of a place.
async function leaf(proof) {
    const priority = proof.priority == null ? [] : [proof.priority]
    return sha256([0], bytes(decode(proof.on_sale), 8), bytes(proof.arrival, 8), bytes(decode(proof.place), 16),
        unhex(proof.blinding), priority)
}

/// The root that an entry and its siblings lead to; null where there are too many or too few. Source: RFC 6962 §2.1.1.
async function climb(start, index, count, siblings) {
    let [at, last, result] = [index, count - 1, start]
    const rest = [...siblings]
    while (last > 0) {
        // A last node without a partner moves up unchanged.
        if ((at ^ 1) <= last) {
            const sibling = rest.shift()
            if (!sibling) return null
            result = await (at % 2 ? sha256([1], sibling, result) : sha256([1], result, sibling))
        }
        at >>= 1
        last >>= 1
    }
    return rest.length ? null : result
}

/// The key of the draw.
async function drawKey(fairness) {
    const secret = fairness.secret ? unhex(fairness.secret) : new Uint8Array()
    const isLost = fairness.flags.includes("beacon_missing") || fairness.flags.includes("no_beacon")
    const beacon = fairness.beacon.value && !isLost ? unhex(fairness.beacon.value) : new Uint8Array()
    const input = join(secret, bytes(beacon.length, 2), beacon, unhex(fairness.root))
    return hmac(await hmac(new Uint8Array(32), input), join(ascii("usher.draw.v1"), [1]))
}

/// The number that an arrival was drawn.
async function drawn(key, count, arrival, priorities) {
    const made = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"])
    let [block, words, at] = [0, null, 8]
    async function word() {
        if (at === 8) {
            words = new DataView(await crypto.subtle.sign("HMAC", made, bytes(block++, 8)))
            at = 0
        }
        return words.getUint32(4 * at++)
    }
    const order = Uint32Array.from({ length: count }, (_, index) => index + 1)
    for (let index = count - 1; index >= 1; index--) {
        const limit = 2 ** 32 - 2 ** 32 % (index + 1)
        let value = await word()
        while (value >= limit) value = await word()
        const other = value % (index + 1)
        ;[order[index], order[other]] = [order[other], order[index]]
    }
    if (!priorities) return order.indexOf(arrival) + 1
    const sorted = [...order].sort((a, b) => priorities[a - 1] - priorities[b - 1])
    return sorted.indexOf(arrival) + 1
}

async function allPriorities() {
    let [all, after] = [new Uint8Array(), 0]
    while (after !== null) {
        const page = await ask("GET", `/v1/on-sales/${app.id}/leaves?after=${after}`, { fresh: false })
        if (page.priorities == null) return null
        all = join(all, unhex(page.priorities))
        after = page.next
    }
    return all
}

/// What a receipt says; its code is for the operator to check.
function receipt(text) {
    const raw = Uint8Array.from(atob(text.slice(3).replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0))
    return { onSale: hex(raw.slice(4, 12)), arrival: hex(raw.slice(12, 20)), place: hex(raw.slice(20, 36)), blinding: hex(raw.slice(36, 52)) }
}

// MARK: The panel

/// The most that are put in order here; a phone takes some seconds for it.
const most = 200000

/// The panel; it checks at once.
export function panel() {
    const verdict = h("p", { class: "note", role: "status" }, t("proof.working"))
    const steps = h("ol", { class: "steps" })
    const again = h("button", { type: "button", onclick: () => void run() }, t("proof.again"))
    const element = h("section", { class: "card stack", "aria-labelledby": "proof-title" },
        h("h2", { id: "proof-title" }, t("proof.title")), h("p", { class: "quiet" }, t("proof.text")), verdict, steps,
        h("div", { class: "row" }, again,
            h("a", { class: "button", href: `/on-sales/${app.id}/certificate` }, t("proof.certificate"))))
    let isFine = true

    /// `isRight` is null where there is nothing to compare.
    function step(key, isRight, values = [], words = {}) {
        if (isRight === false) isFine = false
        const mark = isRight == null ? "–" : isRight ? "✓" : "✗"
        const kind = isRight == null ? "" : isRight ? "good" : "bad"
        steps.append(h("li", { class: kind },
            h("span", { class: "mark", "aria-hidden": "true" }, mark),
            h("div", {}, h("strong", {}, t(isRight === false ? `proof.${key}.not` : `proof.${key}`, words)),
                ...values.map(([name, value]) => h("p", { class: "small quiet" }, `${t(`proof.of.${name}`)} `, h("code", {}, value))))))
    }

    function tell(key, kind) {
        verdict.textContent = t(key)
        verdict.className = `note ${kind}`
    }

    async function run() {
        steps.replaceChildren()
        isFine = true
        tell("proof.working", "")
        if (!globalThis.crypto?.subtle) return tell("proof.insecure", "warn")
        try {
            await check()
        } catch (error) {
            if (error.code === "not_sealed") tell("proof.early", "")
            else if (error.code === "not_drawn") tell("proof.late", "")
            else {
                verdict.textContent = reason(error)
                verdict.className = "note warn"
            }
        }
    }

    async function check() {
        const fairness = await ask("GET", `/v1/on-sales/${app.id}/fairness`)
        step("committed", null, [["commitment", fairness.commitment]])
        if (!app.place) return tell("proof.outside", "")
        const proof = await ask("GET", `/v1/places/${app.place.place}/proof`)

        const own = app.memory.get("receipt")
        if (own) {
            const said = receipt(own)
            step("receipt", said.onSale === hex(bytes(decode(proof.on_sale), 8)) && said.arrival === hex(bytes(proof.arrival, 8))
                && said.place === hex(bytes(decode(proof.place), 16)) && said.blinding === proof.blinding,
            [["receipt", own]], { arrival: proof.arrival })
        }
        const entry = await leaf(proof)
        step("leaf", hex(entry) === proof.leaf, [["leaf", hex(entry)]], { arrival: proof.arrival })
        const root = await climb(entry, proof.arrival - 1, fairness.entries, proof.siblings.map(unhex))
        step("root", root !== null && hex(root) === fairness.root, [["root", fairness.root]], { entries: fairness.entries, n: proof.siblings.length })
        if (!fairness.drawn_at) return tell(isFine ? "proof.undrawn" : "proof.broken", isFine ? "good" : "bad")

        if (fairness.secret) {
            const commitment = hex(await sha256(ascii("usher.commit.v1"), unhex(fairness.secret)))
            step("secret", commitment === fairness.commitment, [["secret", fairness.secret]])
        } else step("withheld", null)
        const { beacon } = fairness
        if (beacon.value && beacon.kind === "drand") {
            step("beacon", hex(await sha256(unhex(beacon.proof))) === beacon.value, [["beacon", beacon.value]])
        } else if (beacon.value) {
            step("announced", null, [["beacon", new TextDecoder().decode(unhex(beacon.value))]])
        } else step("alone", null)
        const key = await drawKey(fairness)
        step("key", hex(key) === fairness.key, [["key", hex(key)]])
        if (fairness.entries > most) {
            step("many", null, [], { entries: fairness.entries })
        } else {
            const priorities = proof.priority == null ? null : await allPriorities()
            const own = await drawn(key, fairness.entries, proof.arrival, priorities)
            step("order", app.place.number == null ? null : own === app.place.number, [], { number: own, entries: fairness.entries })
        }
        if (fairness.flags.length) step("flags", null, [["flags", fairness.flags.join(", ")]])
        tell(isFine ? "proof.fine" : "proof.broken", isFine ? "good" : "bad")
    }

    void run()
    return element
}
