/// One thing that the doctor looked at.
struct DoctorFinding: Sendable, Equatable {
    /// How it is.
    enum Grade: String, Sendable {
        case ok
        /// It works, and could be better or safer.
        case advice
        /// Something is lost, stands still, or will.
        case wrong
    }

    let grade: Grade
    /// What was looked at, as in `fsync`.
    let name: String
    /// How it is, and what that means.
    let says: String
    /// What to do; nil when all is well.
    var remedy: String?

    /// The lines for a person.
    var text: String {
        let head = "\(grade.rawValue.padding(6)) \(name): \(says)"
        return remedy.map { "\(head)\n       \($0)" } ?? head
    }
}

extension String {
    fileprivate func padding(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
