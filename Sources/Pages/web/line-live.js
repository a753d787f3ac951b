// Being told by /live, and asking where that is not to be had.

/// The line is silent for so long only when the network is gone: a tick comes every fifteen seconds.
const silence = 40000

/// Keeps a socket open, and says when one should ask instead.
export class Live {
    #url
    #hear
    #socket = null
    #timer = null
    #tries = 0
    #heardAt = 0

    /// `hear` is given every message, and `{type: "open"}` and `{type: "closed"}`.
    constructor(onSale, hear) {
        this.#url = `${location.origin.replace(/^http/, "ws")}/v1/on-sales/${onSale}/live`
        this.#hear = hear
    }

    get isOpen() {
        return this.#socket?.readyState === WebSocket.OPEN && Date.now() - this.#heardAt < silence
    }

    /// Opens a new socket, as after joining: a socket shows the place that the cookie had when it was opened.
    restart() {
        clearTimeout(this.#timer)
        const old = this.#socket
        this.#socket = null
        old?.close()
        const socket = this.#socket = new WebSocket(this.#url)
        this.#heardAt = Date.now()
        let pause = null
        socket.onmessage = ({ data }) => {
            if (socket !== this.#socket) return
            this.#heardAt = Date.now()
            const message = JSON.parse(data)
            if (message.type === "bye") pause = message.retry_after_ms
            if (message.type === "tick") this.#tries = 0
            this.#hear(message)
        }
        socket.onopen = () => socket === this.#socket && this.#hear({ type: "open" })
        socket.onclose = () => {
            if (socket !== this.#socket) return
            this.#socket = null
            this.#hear({ type: "closed" })
            // Not all in the same moment, and the more rarely the longer it lasts.
            const wait = pause ?? Math.min(30000, 500 * 2 ** this.#tries++) * (0.5 + Math.random())
            this.#timer = setTimeout(() => this.restart(), wait)
        }
    }

    /// Says something, where there is somebody to hear it.
    say(message) {
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message))
    }

    /// Looks whether the socket is alive; one that was asleep with the phone often isn't.
    check() {
        if (!this.#socket) return
        if (Date.now() - this.#heardAt > silence) this.restart()
    }

    /// The page was away: what was heard since is not to be relied on.
    wake() {
        if (!this.isOpen || Date.now() - this.#heardAt > silence / 2) {
            this.#tries = 0
            this.restart()
        }
    }

    /// Goes away; `restart` comes back.
    stop() {
        clearTimeout(this.#timer)
        const socket = this.#socket
        this.#socket = null
        socket?.close()
    }
}
