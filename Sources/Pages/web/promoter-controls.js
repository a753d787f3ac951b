// What a promoter turns while it goes on: pause, rate, message, cancel. What can be undone has a way back beside it.
import { Problem, h, say, toast } from "./dom.js"
import { call } from "./session.js"
import { counted } from "./promoter-words.js"

/// The controls of an on-sale; `look` is called after each change.
export function controls(id, record, look) {
    let latest = null
    // Where a way back leads, if there is one.
    const last = h("div", { role: "status" })
    const problem = h("p", { class: "problem", role: "alert" })
    const at = (name) => `/v1/promoter/on-sales/${id}/${name}`

    /// Makes a change; `undo` makes it as it was.
    async function change(text, name, body, undo) {
        say(problem, "")
        try {
            await call("POST", at(name), { body })
        } catch (error) {
            say(problem, error instanceof Problem ? error.message : "The box office did not answer; look whether it was done.")
            await look()
            return false
        }
        last.replaceChildren(h("div", { class: "note last" }, h("span", {}, text), undo && h("button", {
            type: "button", class: "small", onclick: async (event) => {
                event.target.disabled = true
                await change(undo.text, undo.name, undo.body)
            },
        }, "Undo")))
        await look()
        return true
    }

    // MARK: Pause

    const reason = h("input", { id: "pause-reason", maxlength: "300", "aria-describedby": "pause-hint" })
    const pause = h("button", { type: "button", class: "primary", id: "pause" }, "Pause")
    const reasonField = h("div", { class: "field" }, h("label", { for: "pause-reason" }, "Why, for those in line"), reason,
        h("p", { class: "hint", id: "pause-hint" }, "Nobody is called while paused; turns and holds stand still."))
    pause.addEventListener("click", async () => {
        pause.disabled = true
        const text = reason.value.trim() || null
        if (latest?.paused_at) {
            await change("Calling again.", "resume", {}, { text: "Paused again.", name: "pause", body: {} })
        } else {
            await change("Paused.", "pause", text ? { reason: text } : {}, { text: "Calling again.", name: "resume", body: {} })
            reason.value = ""
        }
        pause.disabled = false
    })

    // MARK: Rate

    const rate = h("input", { id: "rate", inputmode: "numeric", autocomplete: "off", "aria-describedby": "rate-problem" })
    const rateProblem = h("p", { class: "problem", id: "rate-problem" })
    async function setRate(event) {
        event.preventDefault()
        const wanted = Number(rate.value)
        const isGood = /^\d+$/.test(rate.value.trim()) && wanted <= 1_000_000
        say(rateProblem, isGood ? "" : "A whole number from 0 to 1,000,000.")
        rate.setAttribute("aria-invalid", String(!isGood))
        if (!isGood) return rate.focus()
        const before = latest?.door.rate_per_minute ?? record.rate_per_minute
        if (wanted === before) return toast("That is the rate already.")
        await change(`${wanted.toLocaleString()} a minute, after ${before.toLocaleString()}.`, "rate", { rate_per_minute: wanted },
            { text: `${before.toLocaleString()} a minute again.`, name: "rate", body: { rate_per_minute: before } })
    }

    // MARK: Message

    const message = h("textarea", { id: "message", maxlength: "500" })
    async function setMessage(event, text) {
        event.preventDefault()
        const before = latest?.message ?? null
        if (text === before) return toast("Those are the words already.")
        await change(text ? "Everybody in line reads it." : "The message is gone.", "message", { message: text },
            { text: before ? "The message from before is back." : "The message is gone again.", name: "message", body: { message: before } })
    }
    const clear = h("button", { type: "button", class: "plain small", onclick: (event) => setMessage(event, null) }, "Take it away")

    // MARK: Cancel

    const cancel = h("button", { type: "button", class: "danger", id: "cancel", onclick: askToCancel }, "Cancel the on-sale…")
    function askToCancel() {
        const sold = latest?.tiers.reduce((sum, tier) => sum + tier.sold, 0) ?? 0
        const title = h("input", { id: "cancel-title", autocomplete: "off", "aria-describedby": "cancel-problem" })
        const why = h("input", { id: "cancel-why", maxlength: "300" })
        const wrong = h("p", { class: "problem", id: "cancel-problem", role: "alert" })
        const dialog = h("dialog", { "aria-labelledby": "cancel-head" }, h("form", {
            class: "stack", onsubmit: async (event) => {
                event.preventDefault()
                if (title.value.trim() !== record.title) {
                    say(wrong, `Type the title as it is: ${record.title}`)
                    title.setAttribute("aria-invalid", "true")
                    return title.focus()
                }
                dialog.close()
                await change("The on-sale is cancelled.", "cancel", why.value.trim() ? { reason: why.value.trim() } : {})
            },
        },
        h("h2", { id: "cancel-head" }, "Cancel this on-sale?"),
        h("p", {}, "Nobody joins, is called or buys any more, and everybody is told. ",
            sold ? h("strong", {}, `${counted(sold, "sold ticket")} will be refunded. `) : "",
            h("strong", {}, "This can't be undone.")),
        h("div", { class: "field" }, h("label", { for: "cancel-title" }, "Type the title to confirm"), title, h("p", { class: "hint" }, record.title), wrong),
        h("div", { class: "field" }, h("label", { for: "cancel-why" }, "Why"), why),
        h("div", { class: "row" }, h("button", { class: "danger" }, "Cancel it for good"), h("button", { type: "button", onclick: () => dialog.close() }, "Keep it"))))
        dialog.addEventListener("close", () => { dialog.remove(); cancel.focus() })
        document.body.append(dialog)
        dialog.showModal()
    }

    const pausing = h("div", { class: "stack" }, reasonField, pause)
    const steering = h("form", { onsubmit: setRate, novalidate: true }, h("label", { for: "rate" }, "Called in a minute, at most"),
        h("div", { class: "with-button" }, rate, h("button", {}, "Set")), rateProblem)
    const telling = h("form", { onsubmit: (event) => setMessage(event, message.value.trim() || null) },
        h("label", { for: "message" }, "A message to everybody in line"), message,
        h("div", { class: "row" }, h("button", {}, "Tell them"), clear))
    const over = h("p", { class: "quiet", hidden: true }, "It is over; nothing can be turned any more.")
    const element = h("div", { class: "card actions" }, h("h2", {}, "Controls"), last, problem, over,
        pausing, h("hr"), steering, h("hr"), telling, h("hr"), cancel)

    let isFirst = true
    function show(numbers) {
        latest = numbers
        const isPaused = numbers.paused_at != null
        const isOver = ["closed", "cancelled"].includes(numbers.state)
        say(pause, isPaused ? "Call again" : "Pause")
        reasonField.hidden = isPaused
        pausing.hidden = numbers.state !== "admitting"
        steering.hidden = isOver || numbers.state === "sold_out"
        telling.hidden = isOver
        cancel.hidden = isOver
        clear.hidden = !numbers.message
        for (const line of element.querySelectorAll("hr")) line.hidden = line.previousElementSibling.hidden
        over.hidden = !isOver
        // What somebody is typing stays as it is.
        if (document.activeElement !== rate && rate.value !== String(numbers.door.rate_per_minute) && (isFirst || rate.dataset.shown !== String(numbers.door.rate_per_minute))) {
            rate.value = rate.dataset.shown = String(numbers.door.rate_per_minute)
        }
        if (isFirst || (document.activeElement !== message && message.dataset.shown !== (numbers.message ?? ""))) {
            message.value = message.dataset.shown = numbers.message ?? ""
        }
        isFirst = false
    }
    return { element, show }
}
