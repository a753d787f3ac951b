internal import HTTP

/// Somebody with a browser: cookies and storage of their own, and any number of tabs.
package struct Browser: Sendable {
    /// What the person holds in their hand, and how they like it.
    package struct Look: Sendable {
        package var width: Int
        package var height: Int
        package var isDark: Bool
        package var language: String

        /// A phone, upright.
        package static let phone = Look(width: 390, height: 844, isDark: false, language: "en-GB")
        /// A screen on a desk.
        package static let desk = Look(width: 1440, height: 900, isDark: false, language: "en-GB")

        /// The same at night.
        package var dark: Look {
            var look = self
            look.isDark = true
            return look
        }

        /// The same in another language, as BCP 47 names it.
        package func speaking(_ language: String) -> Look {
            var look = self
            look.language = language
            return look
        }
    }

    private let devTools: DevTools
    private let context: String

    /// Runs `body` with a Chromium, which is gone afterwards.
    package static func run<Value>(_ body: (DevTools) async throws -> Value) async throws -> Value {
        let devTools = try DevTools()
        do {
            let value = try await body(devTools)
            await devTools.close()
            return value
        } catch {
            await devTools.close()
            throw error
        }
    }

    /// Another person.
    package init(_ devTools: DevTools) async throws {
        self.devTools = devTools
        let answer = try await devTools.ask("Target.createBrowserContext")
        context = answer["browserContextId"]?.string ?? ""
    }

    /// Opens a tab.
    package func tab(_ look: Look = .phone) async throws -> BrowserTab {
        let target = try await devTools.ask(
            "Target.createTarget",
            ["url": .string("about:blank"), "browserContextId": .string(context)]
        )
        let id = target["targetId"]?.string ?? ""
        let answer = try await devTools.ask(
            "Target.attachToTarget",
            ["targetId": .string(id), "flatten": .bool(true)]
        )
        let tab = BrowserTab(devTools, session: answer["sessionId"]?.string ?? "", target: id)
        try await tab.prepare(look)
        return tab
    }
}
