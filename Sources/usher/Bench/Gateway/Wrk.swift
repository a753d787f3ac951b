internal import Reactor

/// Debian's `wrk`: requests as fast as they are answered, over so many connections.
struct Wrk: Sendable {
    struct Result: Sendable, Equatable {
        /// Requests per second.
        var rate: Double
        var p50Milliseconds: Double
        var p99Milliseconds: Double
        /// Answers of 400 and more, and connections that broke.
        var failures: Int

        /// Reads what the program prints; nil when it isn't that.
        init?(output: String) {
            let lines = output.split(separator: "\n").map { $0.split(separator: " ") }
            func time(_ label: String) -> Double? {
                lines.first { $0.first.map(String.init) == label && $0.count == 2 }.flatMap {
                    Self.milliseconds(String($0[1]))
                }
            }
            guard
                let rate = lines.first(where: { $0.first == "Requests/sec:" })?.last.flatMap({ Double($0) }),
                let p50 = time("50%"), let p99 = time("99%")
            else { return nil }
            self.rate = rate
            (p50Milliseconds, p99Milliseconds) = (p50, p99)
            let refused = lines.first { $0.first == "Non-2xx" }?.last.flatMap { Int($0) } ?? 0
            let errors = lines.first { $0.starts(with: ["Socket", "errors:"]) } ?? []
            let broken = errors.compactMap { Int($0.filter { $0 != "," }) }.reduce(0, +)
            failures = refused + broken
        }

        private static func milliseconds(_ word: String) -> Double? {
            for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)]
            where word.hasSuffix(unit) {
                return Double(word.dropLast(unit.count)).map { $0 * factor }
            }
            return nil
        }
    }

    let program: String
    /// A directory for its output.
    let directory: String

    /// Loads one path of a port of this machine with one thread.
    ///
    /// - Returns: what it found, and the part of one processor that it needed itself.
    func run(
        _ path: String,
        port: Int,
        connections: Int,
        seconds: Int,
        core: Int?
    ) async throws -> (Result, cpuShare: Double) {
        let start = MonotonicTime.now
        let process = try await BenchProcess.start(
            "wrk",
            program: program,
            [
                "-t", "1", "-c", "\(connections)", "-d", "\(seconds)s", "--latency",
                "http://127.0.0.1:\(port)\(path)",
            ],
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            log: "\(directory)/wrk.log",
            core: core
        )
        var cpu = 0.0
        while process.isRunning {
            // Its end takes its times away.
            cpu = max(cpu, process.cpuSeconds)
            try await Task.sleep(for: .milliseconds(50))
        }
        let took = (MonotonicTime.now - start).seconds
        try await process.finish()
        guard let result = Result(output: process.output) else { throw process.failure }
        return (result, cpu / took)
    }
}
