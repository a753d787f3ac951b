internal import Jobs
internal import Postgres

extension WorkflowContext {
    /// Waits for the next update of a kind, for ``first(_:)``.
    ///
    /// Whoever gets one answers it with ``reply(to:with:)`` or ``refuse(_:because:)``; its sender waits for that.
    public func received<Payload, Reply, Wake: Sendable>(
        _ key: UpdateKey<Payload, Reply>,
        _ wake: @escaping @Sendable (UpdateRequest<Payload, Reply>) -> Wake
    ) -> Wait<Wake> {
        let activation = self.activation
        let number = activation.nextUpdate(key.name)
        return Wait(condition: .event(key.event(number))) { json in
            let what = "update \(key.name)"
            let payload = try JSONCoding.decode(Payload.self, from: json, what: what)
            activation.tookUpdate(key.name)
            return wake(UpdateRequest(payload: payload, name: key.name, number: number))
        }
    }

    /// Parks the run until an update of a kind comes that is accepted, and answers it.
    ///
    /// ```swift
    /// let address = try await context.receive(Self.changeAddress) { address in
    ///     guard address.isComplete else { throw UpdateRefused("the street is missing") }
    ///     return Receipt(order: order)
    /// }
    /// ```
    /// What `answer` refuses by throwing ``UpdateRefused`` is answered with the reason, and the run waits on.
    ///
    /// - Parameters:
    ///   - key: names the kind of update.
    ///   - answer: the reply to a request; it does nothing else.
    /// - Returns: what was asked.
    /// - Throws: what `answer` throws else; ``WorkflowSuspended`` to park.
    public func receive<Payload, Reply>(
        _ key: UpdateKey<Payload, Reply>,
        _ answer: (Payload) throws -> Reply
    ) async throws -> Payload {
        while true {
            let request = try await first(received(key) { $0 })
            do {
                try reply(to: request, with: try answer(request.payload))
                return request.payload
            } catch let refusal as UpdateRefused {
                try refuse(request, because: refusal.reason)
            }
        }
    }

    /// Answers an update with the run's next commit.
    ///
    /// - Throws: an encoding error.
    public func reply<Payload, Reply>(to request: UpdateRequest<Payload, Reply>, with reply: Reply) throws {
        try answer(request, UpdateReply(reply: reply, refusal: nil))
    }

    /// Refuses an update with the run's next commit; its sender gets the reason.
    ///
    /// - Throws: an encoding error.
    public func refuse<Payload, Reply>(
        _ request: UpdateRequest<Payload, Reply>,
        because reason: String
    ) throws {
        try answer(request, UpdateReply<Reply>(reply: nil, refusal: reason))
    }

    private func answer<Payload, Reply>(
        _ request: UpdateRequest<Payload, Reply>,
        _ reply: UpdateReply<Reply>
    ) throws {
        try publish(json: try JSONCoding.encode(reply), UpdateNames.reply(request.name, request.number))
    }
}
