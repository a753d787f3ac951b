/// What runs have done to the goods, and whether any of it breaks a promise.
struct History: Sendable {
    /// One committed move, and what was on the shelf after it.
    struct Line: Sendable {
        var sku: Int32
        /// Counts the moves of these goods in the order of their commits.
        var version: Int64
        var run: Int64
        var epoch: Int32
        var operation: Operation
        var quantity: Int64
        var shelf: Shelf
        /// The transaction that wrote it.
        var transaction: String
    }

    /// What there is of some goods.
    struct Shelf: Sendable, Hashable {
        var free: Int64
        var held: Int64
        var sold: Int64

        var total: Int64 { free + held + sold }
    }

    /// How much there was of each of the goods.
    var totals: [Int32: Int64]
    /// Ordered by goods, then by version.
    var lines: [Line]

    /// What is wrong with it, one sentence each; empty when every promise was kept.
    func violations() -> [String] {
        var found: [String] = []
        var shelf = Shelf(free: 0, held: 0, sold: 0)
        var previous: Line?
        var closed: Set<String> = []
        var runs: [Int64: Story] = [:]
        for line in lines {
            let place = "goods \(line.sku), version \(line.version)"
            if previous?.sku != line.sku {
                shelf = Shelf(free: totals[line.sku] ?? 0, held: 0, sold: 0)
                closed = []
                previous = nil
            }
            let expected = (previous?.version ?? 0) + 1
            if line.version != expected { found.append("\(place): it should be version \(expected)") }
            if let last = previous?.transaction, last != line.transaction {
                closed.insert(last)
                if closed.contains(line.transaction) {
                    found.append("\(place): another transaction wrote in the middle of its own")
                }
            }
            let change = line.operation.change
            shelf.free += change.free * line.quantity
            shelf.held += change.held * line.quantity
            shelf.sold += change.sold * line.quantity
            if shelf != line.shelf { found.append("\(place): \(shelf) is left, \(line.shelf) was written") }
            if shelf.total != totals[line.sku] || min(shelf.free, shelf.held, shelf.sold) < 0 {
                found.append("\(place): \(shelf) is not what there is")
            }
            found += runs[line.run, default: Story()].add(line)
            previous = line
        }
        for (run, story) in runs.sorted(by: { $0.key < $1.key }) where !story.isOver {
            found.append("run \(run) never came to an end")
        }
        return found
    }

    /// What one run has done so far; it deals in one kind of goods, whose order is its own.
    private struct Story {
        private var sku: Int32?
        private var epoch: Int32 = 0
        private var isHeld = false
        private var quantity: Int64 = 0
        private(set) var isOver = false

        /// Takes in one more line.
        ///
        /// - Returns: what it breaks.
        mutating func add(_ line: Line) -> [String] {
            var found: [String] = []
            let what = "run \(line.run), \(line.operation) in version \(line.version) of goods \(line.sku)"
            if line.epoch < epoch {
                found.append("\(what): epoch \(line.epoch) wrote after epoch \(epoch)")
            }
            if sku ?? line.sku != line.sku { found.append("\(what): these are not its goods") }
            switch line.operation {
            case .hold, .refuse:
                if isHeld || isOver { found.append("\(what): it held before") }
                isHeld = line.operation == .hold
                isOver = line.operation == .refuse
                quantity = line.quantity
            case .confirm, .release:
                if isOver { found.append("\(what): it had ended before") }
                if !isHeld { found.append("\(what): it had not held") }
                if line.quantity != quantity { found.append("\(what): it held \(quantity)") }
                isOver = true
            }
            sku = line.sku
            epoch = max(epoch, line.epoch)
            return found
        }
    }
}
