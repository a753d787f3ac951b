internal import Foundation
package import HTTP
internal import Reactor

/// A page before somebody's eyes, with what went wrong on it.
package final class BrowserTab: Sendable {
    /// A page did not do what it should.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private struct Seen {
        var complaints: [String] = []
        var hosts: Set<String> = []
        var bytes: Int64 = 0
        var loads = 0
        var hasScripts = true
        var loading: [CheckedContinuation<Void, Never>] = []
    }

    private let devTools: DevTools
    private let session: String
    private let target: String
    private let seen = Lock(Seen())

    init(_ devTools: DevTools, session: String, target: String) {
        self.devTools = devTools
        self.session = session
        self.target = target
    }

    func prepare(_ look: Browser.Look) async throws {
        devTools.listen(to: session) { [weak self] in self?.take($0) }
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            try await ask("\(domain).enable")
        }
        try await use(look)
    }

    /// Changes what the page is looked at with.
    package func use(_ look: Browser.Look) async throws {
        try await ask(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .int(Int64(look.width)), "height": .int(Int64(look.height)),
                "deviceScaleFactor": .int(1), "mobile": .bool(look.width < 600),
            ]
        )
        let scheme = JSONValue.object([
            .init("name", .string("prefers-color-scheme")),
            .init("value", .string(look.isDark ? "dark" : "light")),
        ])
        // What moves by itself would be half-way on a picture.
        let motion = JSONValue.object([
            .init("name", .string("prefers-reduced-motion")), .init("value", .string("reduce")),
        ])
        try await ask("Emulation.setEmulatedMedia", ["features": .array([scheme, motion])])
        try await ask("Emulation.setLocaleOverride", ["locale": .string(look.language)])
        try await ask(
            "Network.setExtraHTTPHeaders",
            ["headers": .object([.init("Accept-Language", .string(look.language))])]
        )
    }

    // MARK: What went wrong

    /// Errors on the console, exceptions nobody caught, and what the content security policy kept out; since the last call.
    package func takeComplaints() -> [String] {
        seen.withLock { seen in
            defer { seen.complaints = [] }
            return seen.complaints
        }
    }

    /// Everybody the page has asked for something, as `host:port`.
    package var hosts: Set<String> { seen.withLock { $0.hosts } }

    /// Bytes that came over the wire so far, heads and all.
    package var bytes: Int64 { seen.withLock { $0.bytes } }

    private func take(_ event: DevTools.Event) {
        let parameters = event.parameters
        switch event.method {
        case "Runtime.exceptionThrown":
            let details = parameters["exceptionDetails"]
            let text = details?["exception"]?["description"]?.string ?? details?["text"]?.string
            complain("exception: \(text ?? "?")")
        case "Runtime.consoleAPICalled":
            guard let type = parameters["type"]?.string, ["error", "assert"].contains(type) else { return }
            let words = parameters["args"]?.array?.map {
                $0["value"]?.string ?? $0["description"]?.string ?? "?"
            }
            complain("console: \((words ?? []).joined(separator: " "))")
        case "Log.entryAdded":
            let entry = parameters["entry"]
            // A status of 400 or more is an answer to a question that may be asked, and a server that is away is a state.
            guard entry?["level"]?.string == "error", entry?["source"]?.string != "network" else { return }
            complain("\(entry?["source"]?.string ?? "?"): \(entry?["text"]?.string ?? "?")")
        case "Network.requestWillBeSent", "Network.webSocketCreated":
            let text = parameters["request"]?["url"]?.string ?? parameters["url"]?.string ?? ""
            guard let url = URL(string: text), let host = url.host() else { return }
            seen.withLock { _ = $0.hosts.insert("\(host):\(url.port ?? 80)") }
        case "Network.loadingFinished":
            let length = parameters["encodedDataLength"]?.double ?? 0
            seen.withLock { $0.bytes += Int64(length) }
        case "Page.loadEventFired":
            let waiting = seen.withLock { seen in
                seen.loads += 1
                defer { seen.loading = [] }
                return seen.loading
            }
            for one in waiting { one.resume() }
        default: break
        }
    }

    private func complain(_ text: String) { seen.withLock { $0.complaints.append(text) } }

    // MARK: Going somewhere

    /// Opens a URL and waits until it is loaded.
    package func open(_ url: String) async throws {
        let loads = seen.withLock { $0.loads }
        let answer = try await ask("Page.navigate", ["url": .string(url)])
        if let text = answer["errorText"]?.string, !text.isEmpty {
            throw Failure(description: "\(url): \(text)")
        }
        await loaded(beyond: loads)
    }

    /// Loads the page again.
    package func reload() async throws {
        let loads = seen.withLock { $0.loads }
        try await ask("Page.reload")
        await loaded(beyond: loads)
    }

    /// Waits until more pages have been loaded than were known of.
    private func loaded(beyond known: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = seen.withLock { seen in
                if seen.loads <= known { seen.loading.append(continuation) }
                return seen.loads > known
            }
            if isThere { continuation.resume() }
        }
    }

    /// Closes the tab.
    package func close() async throws {
        try await devTools.ask("Target.closeTarget", ["targetId": .string(target)])
    }

    /// Takes the network away, or gives it back.
    package func setOffline(_ isOffline: Bool) async throws {
        try await ask(
            "Network.emulateNetworkConditions",
            [
                "offline": .bool(isOffline), "latency": .int(0), "downloadThroughput": .int(-1),
                "uploadThroughput": .int(-1),
            ]
        )
    }

    /// Puts a phone to sleep, or wakes it: the page is frozen as a browser does it in the background.
    package func setFrozen(_ isFrozen: Bool) async throws {
        try await ask(
            "Page.setWebLifecycleState",
            ["state": .string(isFrozen ? "frozen" : "active")]
        )
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    package func begin(with script: String) async throws {
        try await ask("Page.addScriptToEvaluateOnNewDocument", ["source": .string(script)])
    }

    /// Has every page that is opened from now on think that sockets can't be had, as behind some companies' proxies.
    package func forbidSockets() async throws {
        try await begin(
            with: """
                window.WebSocket = class {
                    static OPEN = 1
                    readyState = 3
                    constructor() { setTimeout(() => this.onclose?.()) }
                    close() {}
                }
                """
        )
    }

    /// Forbids scripts, or allows them again.
    package func setScripts(_ areAllowed: Bool) async throws {
        seen.withLock { $0.hasScripts = areAllowed }
        try await ask("Emulation.setScriptExecutionDisabled", ["value": .bool(!areAllowed)])
    }

    // MARK: Looking

    /// The value of a JavaScript expression, which may be a promise.
    @discardableResult
    package func evaluate(_ expression: String) async throws -> JSONValue {
        let answer = try await ask(
            "Runtime.evaluate",
            [
                "expression": .string(expression), "returnByValue": .bool(true), "awaitPromise": .bool(true),
                "userGesture": .bool(true),
            ]
        )
        if let details = answer["exceptionDetails"] {
            let text = details["exception"]?["description"]?.string ?? details["text"]?.string ?? "?"
            throw Failure(description: "\(expression): \(text)")
        }
        return answer["result"]?["value"] ?? .null
    }

    /// Waits until a JavaScript expression is true, also over loads of the page; the suite has the limit.
    package func wait(until expression: String) async throws {
        while true {
            do {
                // Where scripts are forbidden nothing changes but by a load.
                let (hasScripts, loads) = seen.withLock { ($0.hasScripts, $0.loads) }
                guard hasScripts else {
                    if try await evaluate("!!(\(expression))").bool == true { return }
                    await loaded(beyond: loads)
                    continue
                }
                let found = try await evaluate(
                    """
                    new Promise(done => {
                        const end = Date.now() + 5000
                        const look = () => {
                            let is = false
                            try { is = !!(\(expression)) } catch {}
                            if (is || Date.now() > end) done(is)
                            else setTimeout(look, 25)
                        }
                        look()
                    })
                    """
                )
                if found.bool == true { return }
            } catch let refusal as DevTools.Refusal
                where refusal.message.contains("context") || refusal.message.contains("navigated")
            {
                // The page was left meanwhile; the next one may have it.
            }
            try Task.checkCancellation()
        }
    }

    /// Waits until an element that can be seen has this text in it.
    package func wait(for text: String, in selector: String = "body") async throws {
        try await wait(
            until: "[...document.querySelectorAll(\(Self.quoted(selector)))]"
                + ".some(e => e.checkVisibility() && e.innerText.includes(\(Self.quoted(text))))"
        )
    }

    /// The text that can be seen of the first element that a selector finds; nil where there is none.
    package func text(_ selector: String) async throws -> String? {
        try await evaluate("document.querySelector(\(Self.quoted(selector)))?.innerText ?? null").string
    }

    /// How many elements a selector finds.
    package func count(_ selector: String) async throws -> Int {
        Int(try await evaluate("document.querySelectorAll(\(Self.quoted(selector))).length").int ?? 0)
    }

    // MARK: Doing

    /// Clicks the first element that can be seen of those that a selector finds, with the mouse.
    package func click(_ selector: String) async throws {
        let find =
            "[...document.querySelectorAll(\(Self.quoted(selector)))].find(e => e.checkVisibility() && !e.disabled)"
        try await wait(until: find)
        let place =
            try await evaluate(
                """
                (() => {
                    const e = \(find)
                    e.scrollIntoView({ block: "center", behavior: "instant" })
                    const r = e.getBoundingClientRect()
                    return [r.x + r.width / 2, r.y + r.height / 2]
                })()
                """
            ).array ?? []
        guard place.count == 2 else { throw Failure(description: "\(selector) can't be clicked") }
        for type in ["mousePressed", "mouseReleased"] {
            try await ask(
                "Input.dispatchMouseEvent",
                [
                    "type": .string(type), "x": place[0], "y": place[1], "button": .string("left"),
                    "clickCount": .int(1),
                ]
            )
        }
    }

    /// Puts a text into a field in place of what was there.
    package func fill(_ selector: String, _ text: String) async throws {
        try await wait(until: "document.querySelector(\(Self.quoted(selector)))")
        try await evaluate(
            """
            (() => {
                const e = document.querySelector(\(Self.quoted(selector)))
                e.focus()
                e.value = ""
                e.value = \(Self.quoted(text))
                e.dispatchEvent(new Event("input", { bubbles: true }))
                e.dispatchEvent(new Event("change", { bubbles: true }))
            })()
            """
        )
    }

    /// Presses a key, as in `Tab`, `Enter`, `ArrowRight` or a space.
    package func press(_ key: String) async throws {
        let code = [
            "Enter": 13, "Tab": 9, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
            "ArrowDown": 40,
        ][key]
        let text: String? = key == "Enter" ? "\r" : key == " " ? " " : nil
        for type in ["keyDown", "keyUp"] {
            try await ask(
                "Input.dispatchKeyEvent",
                [
                    "type": .string(type), "key": .string(key), "code": .string(key == " " ? "Space" : key),
                    "windowsVirtualKeyCode": .int(Int64(code ?? 0)),
                    "text": type == "keyDown" ? text.map(JSONValue.string) ?? .string("") : .string(""),
                ]
            )
        }
    }

    /// Keeps a picture of the page, where `USHER_SCREENSHOTS` names a directory for them.
    package func picture(_ name: String) async throws {
        guard let place = ProcessInfo.processInfo.environment["USHER_SCREENSHOTS"] else { return }
        let answer = try await ask("Page.captureScreenshot", ["format": .string("png")])
        guard let data = answer["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else { return }
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try data.write(to: URL(filePath: "\(place)/\(name).png"))
    }

    /// What axe-core holds against the page by WCAG 2.2 AA, one line for each kind; `USHER_AXE` says where axe-core is.
    package func violations() async throws -> [String] {
        guard let path = ProcessInfo.processInfo.environment["USHER_AXE"] else {
            throw Failure(description: "set USHER_AXE to axe-core's file: script/test does")
        }
        let script = try String(contentsOfFile: path, encoding: .utf8)
        if try await evaluate("typeof axe").string != "object" { try await evaluate("\(script); null") }
        let found = try await evaluate(
            """
            axe.run(document, {
                runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
            }).then(result => result.violations.map(v =>
                `${v.id}: ${v.nodes.map(n => `${n.target} ${n.failureSummary.replace(/\\s+/g, " ")}`).join("; ")}`))
            """
        )
        return found.array?.compactMap(\.string) ?? []
    }

    /// Text as a literal of JavaScript.
    package static func quoted(_ text: String) -> String {
        var writer = String(decoding: JSONWriter.object { $0.field("t", text) }, as: UTF8.self)
        writer.removeFirst(5)
        writer.removeLast()
        return writer
    }

    @discardableResult
    private func ask(
        _ method: String,
        _ parameters: KeyValuePairs<String, JSONValue> = [:]
    ) async throws -> JSONValue {
        try await devTools.ask(method, parameters, session: session)
    }
}
