internal import BoxOffice
internal import HTTP

extension Operation {
    /// What promoters do with the groups of an on-sale.
    static let presaleCalls: [Operation] = [
        Operation(
            "addCodes",
            .post,
            "/v1/promoter/on-sales/{id}/codes",
            .promoter,
            "Makes codes for a group. They are told in this answer and never again.",
            body: "Codes",
            success: (201, "CodeList"),
            problems: changeProblems
        ) { services, call, holder in
            let id = try call.onSaleID()
            var fields = try RequestFields(call.request)
            let group = fields.string("group", maxLength: 32)
            let count = fields.integer("count", in: 1...10_000)
            try fields.check()
            let codes = try await services.presale.addCodes(count, group: group, of: id, by: holder.actor)
            let body = JSONWriter.object { json in
                json.field("group", group)
                json.array("codes") { for code in codes { $0.value(code) } }
            }
            return .json(body, status: 201, headers: ["Cache-Control": "no-store"])
        },
        Operation(
            "invite",
            .post,
            "/v1/promoter/on-sales/{id}/invitations",
            .promoter,
            "Invites buyers whom the promoter vouches for to a group; they need no code.",
            body: "Invitations",
            success: (200, "GroupCounts"),
            problems: changeProblems
        ) { services, call, holder in
            let id = try call.onSaleID()
            var fields = try RequestFields(call.request)
            let group = fields.string("group", maxLength: 32)
            let buyers = fields.strings("buyers", count: 1...1_000, maxLength: 256)
            try fields.check()
            try await services.presale.invite(buyers, group: group, of: id, by: holder.actor)
            return .json(try await counts(id, services))
        },
        Operation(
            "revokeCodes",
            .post,
            "/v1/promoter/on-sales/{id}/codes/revoke",
            .promoter,
            "Takes back the codes of a group that nobody has used.",
            body: "GroupName",
            success: (200, "GroupCounts"),
            problems: changeProblems
        ) { services, call, holder in
            let id = try call.onSaleID()
            var fields = try RequestFields(call.request)
            let group = fields.string("group", maxLength: 32)
            try fields.check()
            _ = try await services.presale.revokeCodes(group: group, of: id, by: holder.actor)
            return .json(try await counts(id, services))
        },
        Operation(
            "countCodes",
            .get,
            "/v1/promoter/on-sales/{id}/codes",
            .promoter,
            "How far the codes of each group are used, and how many buyers are invited.",
            success: (200, "GroupCounts"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            let id = try call.onSaleID()
            _ = try await services.onSales.find(id)
            return .json(try await counts(id, services))
        },
    ]

    private static func counts(_ id: OnSaleID, _ services: Services) async throws -> [UInt8] {
        let counts = try await services.presale.counts(of: id)
        return JSONWriter.object { json in
            json.array("groups") { list in
                for count in counts {
                    list.object { json in
                        json.field("id", count.group.id)
                        json.field("name", count.group.name)
                        json.field("priority", count.group.priority)
                        json.field("codes", count.codes)
                        json.field("used", count.used)
                        json.field("revoked", count.revoked)
                        json.field("invited", count.invited)
                    }
                }
            }
        }
    }
}
