/// All files of the pages, as the build has put them into the program.
public enum PageFiles {
    /// One line for each file in `web/`; the build replaces the dots and dashes of a name by `_`.
    public static let all: [PageFile] = [
        PageFile("base.css", PackageResources.base_css),
        PageFile("dom.js", PackageResources.dom_js),
        PageFile("icon.svg", PackageResources.icon_svg),
        PageFile("line.html", PackageResources.line_html),
        PageFile("operator.html", PackageResources.operator_html),
        PageFile("promoter.html", PackageResources.promoter_html),
    ]
}
