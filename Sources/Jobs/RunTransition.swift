package import Postgres

/// What ends a parked run when its time comes, in place of its code: a function of SQL.
package struct RunTransition: Sendable {
    /// The function's name; with its schema, if it is not on the path.
    package let function: String
    /// What the function is given; nil once it has ended the run.
    package let argument: JSONB?

    package init(function: String, argument: JSONB?) {
        self.function = function
        self.argument = argument
    }

    /// Calls a function for runs.
    ///
    /// - Throws: ``JobsError`` (`badTransition`) for a name that can't be a function's.
    package static func call(
        _ function: String,
        _ runs: [(id: JobID, argument: JSONB)]
    ) throws -> Query {
        let name = try quoted(function)
        return Query(
            "transitions_call",
            """
            SELECT run::bigint, output::jsonb
            FROM \(fragment: name)(\(runs.map(\.id.rawValue)), \(runs.map(\.argument))) AS answer (run, output)
            """
        )
    }

    /// Reads what a function answered.
    ///
    /// - Returns: an output for each run that it has ended, in the order given; nil where it has turned the run down.
    /// - Throws: ``JobsError`` (`badTransition`) unless there is one row for each run.
    package static func outputs(
        of rows: [Row],
        from function: String,
        for ids: [JobID]
    ) throws -> [JSONB?] {
        var known: [JobID: JSONB?] = [:]
        for row in rows {
            guard let run: Int64 = try row[0] else {
                throw bad(function, "returned a row without a run")
            }
            let id = JobID(rawValue: run)
            let output: JSONB? = try row[1]
            guard known.updateValue(output, forKey: id) == nil else {
                throw bad(function, "returned run \(id) twice")
            }
        }
        let outputs = try ids.map { id in
            guard let output = known[id] else {
                throw bad(
                    function,
                    "returned no row for run \(id); one is wanted for each, with a null output to turn it down"
                )
            }
            return output
        }
        guard known.count == ids.count else {
            let stranger = Set(known.keys).subtracting(ids).min()
            throw bad(function, "returned run \(stranger.map { "\($0)" } ?? "?"), which it was not given")
        }
        return outputs
    }

    /// What is wrong in other words, if it is that there is no such function.
    package static func explained(_ error: any Error, _ function: String) -> any Error {
        guard let failed = error as? PostgresError, failed.sqlState == .undefinedFunction else {
            return error
        }
        // A function that calls another one in vain says so by itself.
        let isItself = "\(failed)".contains("\(function)(bigint[], jsonb[])")
        return isItself ? bad(function, "does not exist; a migration of yours must make it") : error
    }

    /// The name, quoted; a dot divides it from its schema.
    private static func quoted(_ function: String) throws -> SQL {
        let parts = function.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw bad(
                function,
                "has a bad name; a name is accepted, or a schema and a name with a dot between"
            )
        }
        return .joined(parts.map { "\(identifier: String($0))" }, separator: ".")
    }

    private static func bad(_ function: String, _ what: String) -> JobsError {
        JobsError(code: .badTransition, message: "the transition \(function)(bigint[], jsonb[]) \(what)")
    }
}
