/// How many tickets are left of something, as roughly as pages say it: so they change rarely.
package enum Availability: String, Sendable, Hashable, Codable, CaseIterable {
    case many
    /// At most a tenth, but ten tickets are always few, and more than a hundred never.
    case few
    /// What is held may come back.
    case nothing = "none"

    /// What so many free tickets are.
    ///
    /// The bounds are fixed, so that equal stock always makes equal pages.
    package init(free: Int, of capacity: Int) {
        let fewest = min(max(capacity / 10, 10), 100)
        self = free <= 0 ? .nothing : free <= fewest ? .few : .many
    }
}
