package import Jobs
package import Postgres

extension NewJob {
    /// A run of a workflow, pinned and bounded as that says.
    package static func run<Code: Workflow>(
        _ workflow: Code.Type,
        _ input: Code.Input,
        runAt: PostgresTimestamp? = nil,
        key: String? = nil
    ) throws -> NewJob {
        NewJob.run(
            name: Code.name,
            queue: Code.queue,
            input: try JSONCoding.encode(input),
            runAt: runAt,
            key: key,
            codeVersion: Code.version,
            timeout: Code.timeout
        )
    }
}
