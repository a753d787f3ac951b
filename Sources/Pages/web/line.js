// The line: what is known of the on-sale and of one's own place, and which view shows it.

import { $, h, say } from "./dom.js"
import { speak, learn, t, has } from "./i18n.js"
import { call, random, Memory, Refusal } from "./line-api.js"
import { Live } from "./line-live.js"
import * as waiting from "./line-wait.js"

const main = $("#main")
const first = JSON.parse(main.dataset.first)
const id = first.on_sale.id
const memory = new Memory(id)
const tabs = "BroadcastChannel" in window ? new BroadcastChannel(`usher.${id}`) : null

/// Everything that views look at; they change it only by the functions here.
export const app = {
    id, memory,
    onSale: first.on_sale,
    status: first.status,
    place: first.place ?? null,
    /// The session of someone who came in: `{expires_at}`.
    session: null,
    reservation: null,
    methods: first.methods,
    /// What just happened that the next view has to say: `{kind, text}`.
    notice: null,
    isOnline: true,
    /// The server's time less this device's, in milliseconds: a phone's clock may be wrong by minutes.
    skew: Date.parse(first.now) - Date.now(),
    now: () => Date.now() + app.skew,
    until: (instant) => (Date.parse(instant) - app.now()) / 1000,
}

// MARK: Asking

export const ask = (method, path, options) => call(id, method, path, options)

/// The words for something that went wrong.
export function reason(error) {
    if (!(error instanceof Refusal)) return t("error.network")
    if (has(`error.${error.code}`)) return t(`error.${error.code}`, { ...error.body, n: error.body.left ?? error.body.limit })
    return t("error", { detail: error.message })
}

let isRefreshing = false
let again = false
let pollAt = 0
let reservationAt = 0
/// The reservation that is told of on the socket, and need not be asked for.
let told = null
let toldAt = 0
let orderedAt = 0
let isDue = false

/// Asks for everything there is to know; one at a time, and once more if it was wanted meanwhile.
export async function refresh() {
    if (isRefreshing) return void (again = true)
    isRefreshing = true
    try {
        take(await ask("GET", `/v1/on-sales/${id}/status`, { fresh: false }))
        await Promise.all([askForPlace(), askForReservation()])
        app.isOnline = true
    } catch (error) {
        if (!(error instanceof Refusal)) app.isOnline = false
        else if (error.status >= 500) app.isOnline = true
    } finally {
        isRefreshing = false
        const wait = app.place?.poll_after_ms ?? app.status.poll_after_ms ?? 5000
        pollAt = Date.now() + (app.isOnline ? wait * (1 + Math.random() * 0.3) : 3000)
    }
    show()
    if (again) {
        again = false
        await refresh()
    }
}

async function askForPlace() {
    if (!app.place) return
    try {
        takePlace(await ask("GET", `/v1/places/${app.place.place}`))
    } catch (error) {
        // The cookie is gone or is another's: the secret finds the place again while the room is open.
        if (error.status === 401 || error.status === 403 || error.status === 404) app.place = null
        else throw error
    }
    if (app.place?.state === "admitted" && !app.session) await comeIn()
}

async function askForReservation() {
    const known = memory.get("reservation")
    if (!known) return void (app.reservation = null)
    if (known === told && live.isOpen && !isDue) return
    isDue = false
    const since = Date.now()
    try {
        const answer = await ask("GET", `/v1/reservations/${known}`)
        // What was told meanwhile is not older.
        if (told !== known || toldAt <= since) takeReservation(answer)
    } catch (error) {
        if (error.status === 401 || error.status === 403 || error.status === 404) takeReservation(null)
        else throw error
    }
}

// MARK: Taking in

function take(status) {
    if (status.seq < app.status.seq) return
    app.status = status
}

function takePlace(place) {
    if (app.place?.place === place.place && place.seq < app.place.seq) return
    const was = app.place?.state
    app.place = place
    if (was !== place.state && (place.state === "called" || was === "called")) navigator.vibrate?.(200)
}

/// Takes in what an order made of the reservation; whether it was told of before that, is asked once more.
export function ordered(reservation) {
    orderedAt = Date.now()
    takeReservation(reservation)
    reservationAt = orderedAt + 1500
}

export function takeReservation(reservation) {
    const was = app.reservation
    reservationAt = Date.now() + (reservation?.state === "paying" ? 1500 : 10000)
    // What has come to an end is told once, and a sale may yet be refunded.
    const isOpen = reservation?.state === "held" || reservation?.state === "paying"
    if (!isOpen || reservation.reservation !== told) told = null
    if (reservation && (reservation.state === "expired" || reservation.state === "released")) {
        if (was && reservation.state === "expired") app.notice = { kind: "warn", text: t("hold.expired") }
        reservation = null
    }
    if (reservation?.problem === "payment_declined" && was?.state === "paying") {
        app.notice = { kind: "bad", text: t("pay.declined") }
    }
    app.reservation = reservation
    memory.set("reservation", reservation?.reservation ?? null)
    if (isOpen && !told) live.say({ type: "reservation", reservation: reservation.reservation })
    else if (told) reservationAt = Infinity
    if (was?.state !== reservation?.state) tell()
}

let statusAt = 0

function hear(message) {
    switch (message.type) {
    case "tick": {
        // A tick tells the time, late by a second at most; a phone that slept or was set has another.
        const skew = Date.parse(message.as_of) - Date.now()
        if (!message.stale && (skew > app.skew || app.skew - skew > 5000)) app.skew = skew
        if (message.seq < app.status.seq) break
        const isNews = message.state !== app.status.state
        const { seq, state, serving, last, rate_per_minute, stale } = message
        Object.assign(app.status, { seq, state, serving, last, rate_per_minute, stale })
        if (stale) app.status.as_of = message.as_of
        if (message.status !== app.seen) {
            app.seen = message.status
            // What everyone is told at once, not everyone asks about at once.
            const due = Date.now() + (isNews ? Math.random() * 1500 : app.status.poll_after_ms)
            statusAt = isNews ? due : statusAt || due
        }
        break
    }
    case "place":
        takePlace(message)
        if (message.state === "admitted" && !app.session) return void refresh()
        break
    case "reservation":
        if (message.reservation !== app.reservation?.reservation) break
        told = message.reservation
        toldAt = Date.now()
        // What was read before our own order may be told after it: then it is asked for. An end comes after any order.
        if (toldAt - orderedAt < 3000 && ["held", "paying"].includes(message.state)) reservationAt = Math.min(reservationAt, toldAt + 1000)
        else takeReservation(message)
        break
    case "open":
        app.isOnline = true
        told = null
        return void refresh()
    case "closed":
        pollAt = reservationAt = 0
        told = null
        break
    }
    show()
}

const live = new Live(id, hear)

// MARK: Doing

function secret() {
    if (!memory.get("secret")) memory.set("secret", random(24))
    return memory.get("secret")
}

/// Who this is, as a join says it; the promoter's word counts before our own.
export const identity = () => first.buyer ? { buyer: first.buyer } : { secret: secret() }

/// Takes in a place that was just given, here or by the waitlist.
export async function placed(answer, state) {
    if (answer.receipt) memory.set("receipt", answer.receipt)
    app.place = { place: answer.place, state, number: null, ahead: null, seq: -1, waitlist_position: answer.position ?? null, poll_after_ms: answer.poll_after_ms }
    live.restart()
    tell()
    await refresh()
}

export async function join(code) {
    const body = { ...identity(), ...(code ? { code } : {}) }
    const joined = await ask("POST", `/v1/on-sales/${id}/places`, { body })
    await placed(joined, joined.state)
}

/// Comes in; what the room answers instead is said by whoever asked.
export async function comeIn() {
    try {
        app.session = await ask("POST", `/v1/places/${app.place.place}/admission`)
        app.place.state = "admitted"
        // A socket knows the cookies that there were when it was opened.
        live.restart()
        await askForReservation()
    } catch (error) {
        if (error.code === "session_over") app.place.state = "done"
        else if (error.code === "missed") {
            app.isTooLate = true
            app.place.state = "missed"
        }
        else throw error
    }
    show()
}

export async function leave() {
    await ask("DELETE", `/v1/places/${app.place.place}`)
    app.place.state = "left"
    tell()
    show()
}

// MARK: Showing

/// Which view it is time for.
function viewName() {
    const { place, status, reservation } = app
    if (reservation) return { held: "hold", paying: "paying", refunded: "refunded" }[reservation.state] ?? "bought"
    const state = status.state
    if (!place) {
        if (state === "closed") return "closed"
        if (state === "sold_out") return "waitlist"
        return state === "scheduled" ? "scheduled" : "join"
    }
    switch (place.state) {
    case "prequeue": return app.until(app.onSale.starts_at) > 0 ? "joined" : "drawing"
    case "waiting": return place.waitlist_position != null ? "listed" : "waiting"
    case "called": return "turn"
    case "admitted": return app.session ? "choose" : "entering"
    case "missed": return app.isTooLate ? "gone" : "missed"
    case "left": return "left"
    default: return state === "sold_out" ? "waitlist" : state === "closed" ? "closed" : "done"
    }
}

const root = $("#line")
const spoken = h("p", { class: "unseen", role: "status", "aria-live": "polite" })
const notes = h("div", { class: "stack notes" })
const stage = h("div", { class: "stack" })
const aside = h("div", { class: "stack" })
let current = { name: "", update() {} }
let isLoading = ""

let dressing = null

/// The styles of what comes after waiting.
export function dress() {
    return dressing ??= new Promise((done, failed) => {
        const href = new URL("./line-more.css", import.meta.url)
        document.head.append(h("link", { rel: "stylesheet", href, onload: done, onerror: failed }))
    }).catch(() => dressing = null)
}

const after = () => Promise.all([import("./line-after.js"), learn("line-more"), dress()])
const buying = () => Promise.all([import("./line-buy.js"), learn("line-more"), learn("line-buy"), dress()])
/// What is not fetched for the first view, which should be there soon, wherever one is.
const parts = {
    choose: buying, hold: buying, paying: buying, bought: buying, refunded: buying, turn: after, entering: after,
    missed: after, gone: after, waitlist: after, listed: after, left: after, closed: after, done: after,
}

/// Says something to those who don't look.
export const announce = (text) => say(spoken, text)

/// Shows what is known now.
export function show() {
    const name = viewName()
    if (name !== current.name) return void enter(name)
    current.update()
    around.update()
}

async function enter(name) {
    const part = parts[name]
    let views = waiting.views
    if (part) {
        if (isLoading === name) return
        isLoading = name
        try {
            views = (await part())[0].views
        } catch {
            // Without the network that has to wait.
            app.isOnline = false
            return around.update()
        } finally {
            isLoading = ""
        }
        if (viewName() !== name) return show()
    }
    const isFirst = current.name === ""
    const view = views[name]()
    current = { name, update: view.update ?? (() => {}) }
    main.dataset.view = name
    stage.replaceChildren(view.element)
    current.update()
    around.update()
    const title = $("h2", view.element)
    if (title) {
        document.title = `${title.textContent} – ${app.onSale.title}`
        // Who reads by ear is led to what is new; what had the focus is gone.
        if (!isFirst) {
            title.tabIndex = -1
            title.focus({ preventScroll: true })
            scrollTo({ top: 0, behavior: "instant" })
        }
    }
}

let around

// MARK: Time

function tick() {
    if (!current.name) return
    show()
    live.check()
    const now = Date.now()
    if (document.visibilityState === "hidden" && live.isOpen) return
    const isBlind = !live.isOpen
    if (isBlind && now > pollAt) return void refresh()
    if (statusAt && now > statusAt) {
        statusAt = 0
        return void refresh()
    }
    if (app.reservation && ["held", "paying"].includes(app.reservation.state) && now > reservationAt) {
        reservationAt = now + 3000
        isDue = true
        return void refresh()
    }
    // What was to happen by now is asked for, and not guessed; not by everyone at once.
    const next = app.status.state === "scheduled" ? app.onSale.opens_at : null
    if (next && app.until(next) < 0 && now > pollAt) void refresh()
    if (app.place?.turn_expires_at && app.place.state === "called" && app.until(app.place.turn_expires_at) < -1
        && now > pollAt) void refresh()
}

function wake() {
    if (document.visibilityState === "hidden") return
    live.wake()
    void refresh()
}

async function begin() {
    await speak(document.documentElement.lang)
    around = waiting.around()
    root.replaceChildren(spoken, notes, stage, aside)
    notes.append(around.notes)
    aside.append(around.below)
    if (location.search.includes("buyer=")) history.replaceState(null, "", location.pathname)
    if (app.place?.state === "admitted") {
        // Whoever comes back is let in again before anything is shown; without the network that waits.
        try {
            await comeIn()
        } catch { /* The view says that it is being tried. */ }
    }
    show()
    live.restart()
    setInterval(tick, 500)
    // Whoever waits has it all by the time of the turn, when everyone else wants it.
    setTimeout(() => void Promise.all([after(), buying()]).catch(() => {}), 5000 + Math.random() * 10000)
    document.addEventListener("visibilitychange", wake)
    document.addEventListener("resume", wake)
    addEventListener("online", wake)
    addEventListener("offline", () => {
        app.isOnline = false
        show()
    })
    addEventListener("pageshow", (event) => event.persisted && wake())
    addEventListener("pagehide", () => live.stop())
    tabs?.addEventListener("message", ({ data }) => void sync(data))
}

/// Another tab of this browser has done something.
async function sync({ place }) {
    if (place && app.place?.place !== place) {
        app.place = { place, state: "prequeue", number: null, ahead: null, seq: -1 }
        live.restart()
    }
    await refresh()
}

/// Tells the other tabs of this browser, which share the cookies and the memory.
const tell = () => tabs?.postMessage({ place: app.place?.place })

void begin()
