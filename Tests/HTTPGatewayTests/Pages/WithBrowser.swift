import Foundation
import TestSupport
import Testing

extension Trait where Self == ConditionTrait {
    /// For tests that look at pages: with Chromium, wherever that can be had.
    ///
    /// On Debian `script/test` installs it, so there a missing one is a failure. Ubuntu's is no package but a snap, which can't
    /// be driven by a pipe: there these tests are left out, and say so.
    static var withBrowser: Self {
        // A system that doesn't say what it is is not Debian.
        let system = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? ""
        let isDebian = system.split(separator: "\n").contains("ID=debian")
        return .enabled(if: DevTools.isInstalled || isDebian, "there is no Chromium that can be driven")
    }
}
