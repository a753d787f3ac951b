internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Telemetry
internal import Workflows

extension Operation {
    /// Orders to many at once: first a count, then the act with that count.
    static let bulkCalls: [Operation] = [
        Operation(
            "countBulk",
            .post,
            "/v1/operator/bulk/count",
            .operator,
            "Counts whom an order to many would concern, of the newest 10,000, and changes nothing. The token is for "
                + "carrying it out.",
            body: "BulkOrder",
            success: (200, "BulkCount"),
            problems: [.malformedJSON, .notJSON, .invalidFields]
        ) { services, call, _ in
            var fields = try RequestFields(call.request)
            let order = BulkOrders.read(&fields)
            try fields.check()
            let count = try await services.bulk.count(order)
            return .json(
                JSONWriter.object { json in
                    json.field("count", count.matched)
                    json.field("more", count.isMore)
                    json.field("token", order.token(of: count))
                }
            )
        },
        Operation(
            "carryOutBulk",
            .post,
            "/v1/operator/bulk",
            .operator,
            "Carries out an order to many that was counted: as many as were counted at the most, and none that came later.",
            body: "CountedBulkOrder",
            success: (200, "BulkOutcome"),
            problems: [.malformedJSON, .notJSON, .invalidFields, .wrongCount, .outcomeUnknown]
        ) { services, call, holder in
            var fields = try RequestFields(call.request)
            let order = BulkOrders.read(&fields)
            let token = fields.string("token")
            let matched = fields.integer("count", in: 0...BulkOrder.limit)
            try fields.check()
            guard let count = order.count(of: token, matched: matched) else { throw Problem.wrongCount }
            let outcome = try await services.bulk.carryOut(order, count, by: holder)
            services.logger.info(
                "bulk order carried out",
                ["matched": outcome.matched, "changed": outcome.changed, "by": holder.actor]
            )
            return .json(
                JSONWriter.object { json in
                    json.field("matched", outcome.matched)
                    json.field("changed", outcome.changed)
                }
            )
        },
    ]
}

/// Orders to many, as bodies have them.
enum BulkOrders {
    static let redrive = "redrive"
    static let actions = RunControls.Action.allCases.map(\.rawValue) + [redrive]

    /// The members of an order; those of runs and those of dead letters are told apart by the action.
    static let members: RunParameters.Described =
        [("action", .oneOf(actions))]
        + (RunParameters.all + RunParameters.deadLetters).map { ($0.name + "?", $0.schema) }

    static func read(_ fields: inout RequestFields) -> BulkOrder {
        let name = fields.string("action")
        let isRedrive = name == redrive
        let action = RunControls.Action(rawValue: name)
        if !name.isEmpty, action == nil, !isRedrive {
            fields.refuse("action", "must be one of \(actions.joined(separator: ", "))")
        }
        let foreign = isRedrive ? RunParameters.all : RunParameters.deadLetters
        for (member, _) in foreign where fields.has(member) {
            fields.refuse(member, "says nothing of what this action is for")
        }
        var values: [String: String] = [:]
        for (member, _) in isRedrive ? RunParameters.deadLetters : RunParameters.all {
            values[member] = fields.optionalString(member, maxLength: 500)
        }
        var issues: [(String, String)] = []
        defer { for (member, message) in issues { fields.refuse(member, message) } }
        if isRedrive {
            let kind = values["kind"].flatMap(DeadLetter.Kind.init(rawValue:))
            if values["kind"] != nil, kind == nil {
                let kinds = DeadLetter.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                issues.append(("kind", "must be one of \(kinds)"))
            }
            return BulkOrder(
                .deadLetters(DeadLetterFilter(name: values["name"], queue: values["queue"], kind: kind))
            )
        }
        let filter = RunParameters.runs({ values[$0] }) { issues.append(($0, $1)) }
        return BulkOrder(.runs(action ?? .retry, filter))
    }
}
