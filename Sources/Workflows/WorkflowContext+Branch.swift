extension WorkflowContext {
    /// The same run, for one of several paths that go side by side: what it records has keys of its own.
    ///
    /// ```swift
    /// try await withThrowingTaskGroup(of: Void.self) { group in
    ///     for page in pages {
    ///         let branch = context.branch("page \(page.number)")
    ///         group.addTask { try await branch.effect("render") { key in … } }
    ///     }
    ///     try await group.waitForAll()
    /// }
    /// ```
    /// Keys are told apart by name and by how often it was used. Paths that use the same names need branches, because
    /// which of them gets there first may change with the code.
    ///
    /// - Parameter name: unlike that of any other branch of the run.
    /// - Returns: a context for that path.
    public func branch(_ name: String) -> WorkflowContext {
        scoped(name)
    }
}
