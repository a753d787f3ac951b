// Words by file, numbers and times by Intl.

const words = {}
let language = "en"
let plurals, numbers, two

/// Chooses a language, and reads the first of its files.
export async function speak(name) {
    language = name
    plurals = new Intl.PluralRules(name)
    numbers = new Intl.NumberFormat(name)
    two = new Intl.NumberFormat(name, { minimumIntegerDigits: 2, useGrouping: false })
    await learn("line")
}

const learnt = new Map()

/// Reads another file of the language's words, once.
export function learn(part) {
    if (!learnt.has(part)) learnt.set(part, read(part).catch((error) => {
        learnt.delete(part)
        throw error
    }))
    return learnt.get(part)
}

async function read(part) {
    const answer = await fetch(new URL(`./${part}.${language}.json`, import.meta.url))
    if (!answer.ok) throw new Error(`no words in ${language}`)
    Object.assign(words, await answer.json())
}

/// Whether there are words for this.
export const has = (key) => key in words

/// The text for a key; `{name}` stands for a value, and the form of the text follows `n`.
export function t(key, values = {}) {
    let text = words[key] ?? key
    if (typeof text === "object") text = text[plurals.select(values.n ?? 0)] ?? text.other
    return text.replace(/\{(\w+)\}/g, (_, name) => {
        const value = values[name]
        return typeof value === "number" ? numbers.format(value) : value ?? ""
    })
}

export const number = (value) => numbers.format(value)

/// An amount in minor units, as its currency is written.
export function money({ amount, currency }) {
    const format = new Intl.NumberFormat(language, { style: "currency", currency })
    return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits)
}

/// A moment: the time, and the day if that is another one than today.
export function moment(instant) {
    const at = new Date(instant)
    const isToday = at.toDateString() === new Date().toDateString()
    const day = isToday ? {} : { weekday: "short", day: "numeric", month: "short" }
    return new Intl.DateTimeFormat(language, { ...day, hour: "numeric", minute: "2-digit" }).format(at)
}

/// How long something still is, for a clock that runs down: 1:05, 2:00:00, 3 days 4:00:00.
export function remaining(seconds) {
    const whole = Math.max(0, Math.floor(seconds))
    const [days, hours] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24]
    const [minutes, rest] = [Math.floor(whole / 60) % 60, two.format(whole % 60)]
    const clock = days || hours
        ? `${numbers.format(hours)}:${two.format(minutes)}:${rest}` : `${numbers.format(minutes)}:${rest}`
    return days ? `${t("days", { n: days })} ${clock}` : clock
}

/// Things in a row, as in "A, B and C".
export const list = (texts) => new Intl.ListFormat(language).format(texts)
