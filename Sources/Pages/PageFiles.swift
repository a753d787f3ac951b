/// All files of the pages, as the build has put them into the program.
public enum PageFiles {
    /// One line for each file in `web/`; the build replaces the dots and dashes of a name by `_`.
    public static let all: [PageFile] = [
        PageFile("base.css", PackageResources.base_css),
        PageFile("dom.js", PackageResources.dom_js),
        PageFile("i18n.js", PackageResources.i18n_js),
        PageFile("icon.svg", PackageResources.icon_svg),
        PageFile("line-after.js", PackageResources.line_after_js),
        PageFile("line-api.js", PackageResources.line_api_js),
        PageFile("line-buy.en.json", PackageResources.line_buy_en_json),
        PageFile("line-buy.js", PackageResources.line_buy_js),
        PageFile("line-live.js", PackageResources.line_live_js),
        PageFile("line-wait.js", PackageResources.line_wait_js),
        PageFile("line.css", PackageResources.line_css),
        PageFile("line.en.json", PackageResources.line_en_json),
        PageFile("line.html", PackageResources.line_html),
        PageFile("line.js", PackageResources.line_js),
        PageFile("operator.html", PackageResources.operator_html),
        PageFile("promoter.html", PackageResources.promoter_html),
    ]
}
