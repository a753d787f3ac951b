import Foundation
import HTTP
import Pages
import TestSupport
import Testing

@testable import HTTPGateway

/// The files that pages are made of.
@Suite(.timeLimit(.minutes(5)))
struct PageAssetTests {
    /// `Sources/Pages/web`.
    private static let web = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../Sources/Pages/web").standardized

    @Test func `every file of the folder is in the program, as it is`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.web.path).sorted()
        #expect(PageFiles.all.map(\.name).sorted() == names)
        for file in PageFiles.all {
            #expect(
                file.bytes == Array(try Data(contentsOf: Self.web.appending(path: file.name))),
                "\(file.name)"
            )
            #expect(file.type != "application/octet-stream", "\(file.name)")
        }
    }

    @Test func `a file may be kept for ever under its version, and not under another`() throws {
        let assets = PageAssets()
        let own = try assets.response(to: HTTPRequest(.get, PageAssets.path + "/base.css"))
        #expect(own.status == 200 && own.headers["Cache-Control"] == "public, max-age=31536000, immutable")
        let other = try assets.response(to: HTTPRequest(.get, "/assets/0123456789abcdef/base.css"))
        #expect(other.status == 200 && other.headers["Cache-Control"] == "no-cache")
        for path in ["/base.css", "/x/line.html", "/x/../base.css", "/x/"] {
            #expect(throws: Problem.self, "\(path)") {
                try assets.response(to: HTTPRequest(.get, "/assets" + path))
            }
        }
    }

    @Test func `pages load nothing but assets of this version`() throws {
        for file in PageFiles.all where file.name.hasSuffix(".html") {
            let response = PageDocument(file.name).response()
            #expect(response.headers["Content-Security-Policy"]?.hasPrefix("default-src 'none';") == true)
            let html = String(decoding: response.body, as: UTF8.self)
            #expect(!html.contains("{{") && !html.contains("style="), "\(file.name)")
            for match in html.matches(of: #/(?:src|href)="([^"]*)"/#) where match.1.hasPrefix("/assets") {
                let asset = try PageAssets().response(to: HTTPRequest(.get, String(match.1)))
                #expect(asset.headers["Cache-Control"]?.hasSuffix("immutable") == true, "\(match.1)")
            }
        }
    }

    @Test(.withBrowser)
    func `a browser shows the pages and complains of nothing`() async throws {
        try await withGateway { house in
            let onSale = try await house.schedule()
            let root = "http://127.0.0.1:\(house.api.port)"
            try await Browser.run { devTools in
                let tab = try await Browser(devTools).tab()
                for path in ["/on-sales/\(onSale)", "/promoter", "/operator"] {
                    try await tab.open(root + path)
                    #expect(try await tab.count("main") == 1)
                    #expect(tab.takeComplaints() == [])
                }
                #expect(tab.hosts == ["127.0.0.1:\(house.api.port)"])
                #expect(tab.bytes > 0)
            }
        }
    }
}
