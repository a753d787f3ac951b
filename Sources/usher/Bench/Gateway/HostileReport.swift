/// What hostile clients say of themselves, a line each time it changes: `hostile 1000 20 408:20`.
struct HostileReport: Sendable, Equatable {
    var open: Int
    var closed: Int
    /// How often the server answered with which status first.
    var answers: [Int: Int]

    var line: String {
        let answers = answers.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(
            separator: ","
        )
        return "hostile \(open) \(closed) \(answers)"
    }

    init(open: Int, closed: Int, answers: [Int: Int]) {
        (self.open, self.closed, self.answers) = (open, closed, answers)
    }

    init?(line: some StringProtocol) {
        let words = line.split(separator: " ")
        guard words.count >= 3, words[0] == "hostile", let open = Int(words[1]), let closed = Int(words[2])
        else {
            return nil
        }
        var answers: [Int: Int] = [:]
        if words.count > 3 {
            for pair in words[3].split(separator: ",") {
                let parts = pair.split(separator: ":")
                guard parts.count == 2, let status = Int(parts[0]), let count = Int(parts[1]) else {
                    return nil
                }
                answers[status] = count
            }
        }
        self.init(open: open, closed: closed, answers: answers)
    }
}
