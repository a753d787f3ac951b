/// Something that went wrong while running: the program says so in one line and exits with 1.
struct Failure: Error, CustomStringConvertible {
    /// What, where, and what would be accepted; one line.
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
