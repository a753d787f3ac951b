internal import HTTP

extension Operation {
    /// The desks of those who work here; the line is among ``lineCalls``.
    static let pageCalls: [Operation] = [
        page("getPromoterPage", "/promoter", "promoter.html", "The promoter's desk."),
        page("getOperatorPage", "/operator", "operator.html", "The operator's board."),
    ]

    private static func page(_ id: String, _ path: String, _ file: String, _ summary: String) -> Operation {
        let document = PageDocument(file)
        return Operation(id, .get, path, .anyone, summary, success: (200, nil)) { _, _ in
            .now(document.response())
        }
    }
}
