import Foundation
import Testing

/// The README's table of features names a test and a page for each: both have to be there.
struct FeatureTableTests {
    private static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    private struct Row {
        let feature: String
        let page: String
        let suite: String
        let test: String
    }

    private func rows() throws -> [Row] {
        let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        return readme.split(separator: "\n").compactMap { line in
            guard let match = line.wholeMatch(of: #/\| (.+) \| \[how\]\((.+)\) \| (\w+): (.+) \|/#) else {
                return nil
            }
            return Row(
                feature: String(match.1),
                page: String(match.2),
                suite: String(match.3),
                test: String(match.4)
            )
        }
    }

    @Test func `Each feature has its page and its test`() throws {
        let rows = try rows()
        #expect(rows.count >= 30, "the table was not found")
        var sources: [String: String] = [:]
        let tests = Self.root.appending(path: "Tests")
        let files = try FileManager.default.subpathsOfDirectory(atPath: tests.path)
        for file in files where file.hasSuffix(".swift") {
            let url = tests.appending(path: file)
            sources[url.deletingPathExtension().lastPathComponent] = try String(
                contentsOf: url,
                encoding: .utf8
            )
        }
        for row in rows {
            #expect(
                sources[row.suite]?.contains("func `\(row.test)`") == true,
                "\(row.feature): no test \"\(row.test)\" in \(row.suite)"
            )
            #expect(
                FileManager.default.fileExists(atPath: Self.root.appending(path: row.page).path),
                "\(row.feature): no page \(row.page)"
            )
        }
    }
}
