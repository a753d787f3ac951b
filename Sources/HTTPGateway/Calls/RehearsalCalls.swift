internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres

extension Operation {
    /// Plans played with made-up buyers, by a worker that has time for it.
    static let rehearsalCalls: [Operation] = [
        Operation(
            "orderRehearsal",
            .post,
            "/v1/promoter/rehearsals",
            .promoter,
            "Has a plan played with made-up buyers, in a schema of its own, when its turn comes: one is played at a time.",
            body: "RehearsalOrder",
            success: (202, "Rehearsal"),
            problems: [.malformedJSON, .notJSON, .invalidFields, .manyRehearsals]
        ) { services, call, _ in
            let order = try RehearsalOrder(RequestFields(call.request))
            let id: JobID
            do { id = try await services.rehearsals.order(order) } catch is Rehearsals.TooMany {
                throw Problem.manyRehearsals
            }
            guard let status = try await services.rehearsals.status(id) else {
                throw Problem.unknownRehearsal
            }
            return .json(
                RehearsalDocument.bytes(status),
                status: 202,
                headers: ["Location": "/v1/promoter/rehearsals/\(id)"]
            )
        },
        Operation(
            "getRehearsal",
            .get,
            "/v1/promoter/rehearsals/{id}",
            .promoter,
            "Where a rehearsal stands, and what it came to.",
            success: (200, "Rehearsal"),
            problems: [.unknownRehearsal]
        ) { services, call, _ in
            guard let status = try await services.rehearsals.status(try call.rehearsalID()) else {
                throw Problem.unknownRehearsal
            }
            return .json(RehearsalDocument.bytes(status), headers: ["Cache-Control": "no-store"])
        },
        Operation(
            "cancelRehearsal",
            .delete,
            "/v1/promoter/rehearsals/{id}",
            .promoter,
            "Calls a rehearsal off; one that is over stays as it is.",
            success: (204, nil),
            problems: [.unknownRehearsal]
        ) { services, call, _ in
            guard try await services.rehearsals.cancel(try call.rehearsalID()) else {
                throw Problem.unknownRehearsal
            }
            return HTTPResponse(status: 204)
        },
    ]
}

extension Call {
    /// - Throws: ``Problem`` 404.
    fileprivate func rehearsalID() throws(Problem) -> JobID {
        guard let number = Int64(parameters["id"]), number > 0 else { throw .unknownRehearsal }
        return JobID(rawValue: number)
    }
}

extension RehearsalOrder {
    /// Reads what is wanted; what isn't said is as the command has it.
    ///
    /// - Throws: ``Problem`` 422 that names every field that is wrong: of the plan by its path in it, as when it is checked.
    fileprivate init(_ request: RequestFields) throws {
        var fields = request
        let json = fields.document("plan") ?? []
        let draw = fields.optionalWord("draw", RehearsedDraw.self) ?? .now
        let (crowd, buyers, before) = fields.within("crowd") { fields in
            func part(_ name: String, _ initial: Int) -> Double {
                Double(fields.optionalInteger(name, in: 0...100) ?? initial) / 100
            }
            let buyers = fields.optionalInteger("buyers", in: 1...RehearsalOrder.mostBuyers)
            let before = fields.optionalInteger("before", in: 0...100).map { Double($0) / 100 }
            let crowd = RehearsalSettings(
                seed: UInt64(fields.optionalInteger("seed", in: 0...Int.max) ?? 1),
                buyers: 0,
                curve: fields.optionalWord("curve", ArrivalCurve.self) ?? .burst,
                share: 0,
                noShow: part("no_show", 10),
                abandon: part("abandon", 5),
                patience: fields.optionalInteger("patience_seconds", in: 0...86_400) ?? 1800,
                conversion: part("conversion", 70),
                basket: fields.optionalNumber("basket", in: 1...100) ?? 2,
                think: fields.optionalInteger("think_seconds", in: 0...3600) ?? 30,
                payment: fields.optionalInteger("payment_seconds", in: 0...3600) ?? 30,
                members: fields.counts("members", in: 1...RehearsalOrder.mostBuyers)
                    .map { RehearsalSettings.Members(group: $0.name, count: $0.count) }
            )
            return (crowd, buyers, before)
        }
        try fields.check()
        let plan = try PlanReading.plan(json)
        let completed: RehearsalSettings
        do { completed = try crowd.completed(for: plan, buyers: buyers, share: before) } catch {
            throw Problem.fields([Self.field(error, basket: crowd.basket)])
        }
        guard completed.buyers <= RehearsalOrder.mostBuyers else {
            throw Problem.fields([
                (
                    "crowd.buyers",
                    "is required for this plan, at most \(RehearsalOrder.mostBuyers): \(completed.buyers) would come by themselves"
                )
            ])
        }
        self.init(plan: String(decoding: json, as: UTF8.self), draw: draw, crowd: completed)
    }

    private static func field(_ misfit: RehearsalSettings.Misfit, basket: Double) -> (String, String) {
        switch misfit {
        case .basket(let most):
            ("crowd.basket", "must be from 1 to \(most), the plan's max_per_buyer; found \(basket)")
        case .unknownGroup(let group, let groups):
            (
                "crowd.members.\(group)",
                groups.isEmpty
                    ? "the plan has no groups" : "is no group; accepted: \(groups.joined(separator: ", "))"
            )
        case .moreMembers(let count): ("crowd.members", "names more than the \(count) who come")
        case .invitationOnly:
            ("crowd.members", "is required: the plan is invitation_only, so nobody else may join")
        }
    }
}

/// A rehearsal as promoters see it.
private enum RehearsalDocument {
    static func bytes(_ status: Rehearsals.Status) -> [UInt8] {
        JSONWriter.object { json in
            json.field("id", "\(status.id)")
            json.field("state", state(status.state))
            json.field("progress", status.progress)
            json.field("problem", status.problem)
            json.field("ordered_at", "\(status.orderedAt)")
            json.field("ended_at", status.endedAt.map { "\($0)" })
            if let report = status.report {
                json.field("report", raw: report.bytes)
            } else {
                json.field("report", JSONValue.null)
            }
        }
    }

    private static func state(_ state: JobState) -> String {
        switch state {
        case .scheduled, .blocked, .ready, .waiting: "waiting"
        case .running: "playing"
        default: state.rawValue
        }
    }
}
