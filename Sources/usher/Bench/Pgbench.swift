internal import Glibc
internal import Reactor

/// The `pgbench` that comes with the server: what hand-written SQL reaches there, without any of our code.
struct Pgbench: Sendable {
    /// How much a call does.
    enum Extent: Sendable {
        /// So many transactions, shared between the clients.
        case transactions(Int)
        case seconds(Int)
    }

    struct Result: Sendable, Equatable {
        let transactions: Int
        /// Transactions per second, without the time to connect.
        let rate: Double
        /// The mean time of one, in milliseconds.
        let latency: Double

        /// Reads what the program prints at its end; nil when it isn't that, or transactions failed.
        init?(output: String) {
            func word(after label: String) -> Substring? {
                guard let line = output.split(separator: "\n").first(where: { $0.hasPrefix(label) }) else {
                    return nil
                }
                return line.dropFirst(label.count).split(whereSeparator: { " /".contains($0) }).first
            }
            guard let count = word(after: "number of transactions actually processed:").flatMap({ Int($0) }),
                let rate = word(after: "tps =").flatMap({ Double($0) }),
                let latency = word(after: "latency average =").flatMap({ Double($0) }),
                word(after: "number of failed transactions:").flatMap({ Int($0) }) ?? 0 == 0
            else { return nil }
            transactions = count
            self.rate = rate
            self.latency = latency
        }
    }

    /// Where the program is.
    let program: String
    let url: String
    /// The schema that the scripts' tables are in.
    let schema: String
    /// A directory for scripts and output.
    let directory: String

    /// Runs one script as prepared statements on so many connections.
    ///
    /// - Throws: ``Failure`` with the program's last line.
    func run(_ script: String, clients: Int, _ extent: Extent) async throws -> Result {
        let file = "\(directory)/floor.sql"
        let log = "\(directory)/floor.log"
        try FileSystem.write(script, to: file)
        try FileSystem.remove(log)
        var words = ["-n", "-M", "prepared", "-c", "\(clients)", "-j", "\(min(clients, 2))", "-f", file]
        switch extent {
        case .transactions(let count): words += ["-t", "\(max(1, count / clients))"]
        case .seconds(let seconds): words += ["-T", "\(seconds)"]
        }
        let launch = ProcessLaunch(
            program: ProcessLaunch.ownProgram,
            arguments: LaunchCommand.words(parent: getpid(), program: program, arguments: words + [url]),
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGOPTIONS": "-c search_path=\(schema)"],
            output: .file(log)
        )
        let exit = try await launch.run()
        let output = try FileSystem.read(log) ?? ""
        guard exit == .status(0), let result = Result(output: output) else {
            throw Failure("pgbench \(exit): \(OneLine.joined(String(output.suffix(300))))")
        }
        return result
    }
}
