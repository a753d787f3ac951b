/// The seats of an on-sale as a picture: each section one path of dots, in the colour and size of what is left.
///
/// No chart says where sections are, so they stand side by side in the chart's order, their front rows up.
enum SeatMapPicture {
    private static let pitch = 10
    private static let label = 24
    private static let gap = 30

    static let style = """
        path{fill:none;stroke-linecap:round;stroke-dasharray:0 10}.many{stroke:#16834a;stroke-width:8}\
        .few{stroke:#b26a00;stroke-width:6}.none{stroke:#8b919e;stroke-width:3}\
        text{font:600 15px system-ui,sans-serif;fill:#16181d}\
        @media(prefers-color-scheme:dark){.many{stroke:#5fce8e}.few{stroke:#f2b04a}text{fill:#eceef3}}
        """

    /// A section and the room that it takes.
    private struct Block {
        let section: PageSubject.Section
        let columns: ClosedRange<Int>
        let width: Int
        let height: Int

        init(_ section: PageSubject.Section) {
            self.section = section
            let numbers = section.rows.flatMap(\.numbers)
            columns = (numbers.min() ?? 0)...(numbers.max() ?? 0)
            // A name needs its room, too, however few seats there are.
            width = max(columns.count * pitch, min(section.name.count, 40) * 9)
            height = section.rows.count * pitch + label
        }
    }

    /// The picture as an SVG document.
    static func bytes(_ subject: PageSubject) -> [UInt8] {
        let blocks = subject.sections.map(Block.init)
        let area = blocks.reduce(0) { $0 + ($1.width + gap) * ($1.height + gap) }
        let widest = blocks.map(\.width).max() ?? 0
        let breadth = max(widest, Int((Double(area) * 1.6).squareRoot()))
        var (x, y, depth, right) = (0, 0, 0, 0)
        var shapes = ""
        for block in blocks {
            if x > 0, x + block.width > breadth { (x, y, depth) = (0, y + depth + gap, 0) }
            shapes += shape(of: block, x, y)
            right = max(right, x + block.width)
            depth = max(depth, block.height)
            x += block.width + gap
        }
        let (width, height) = (right + 16, y + depth + 16)
        let svg =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
            + "viewBox=\"-8 -8 \(width) \(height)\"><style>\(style)</style>\(shapes)</svg>\n"
        return Array(svg.utf8)
    }

    private static func shape(of block: Block, _ x: Int, _ y: Int) -> String {
        var path = ""
        for (index, row) in block.section.rows.enumerated() {
            for run in SeatSpan.runs(row.numbers) {
                let left = x + (run.lowerBound - block.columns.lowerBound) * pitch + pitch / 2
                // A little longer than to its last dot, which is drawn for certain then.
                let length = (run.count - 1) * pitch
                path += "M\(left) \(y + label + index * pitch)h\(length).1"
            }
        }
        let name = EventPage.escaped(block.section.name)
        return "<text x=\"\(x)\" y=\"\(y + 12)\">\(name)</text>"
            + "<path class=\"\(block.section.left.rawValue)\" d=\"\(path)\"/>"
    }
}
