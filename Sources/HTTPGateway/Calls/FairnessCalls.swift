internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// What anybody needs to make a draw again, and what promoters file for it.
    static let fairnessCalls: [Operation] = [
        Operation(
            "getFairness",
            .get,
            "/v1/on-sales/{id}/fairness",
            .anyone,
            "What was promised about the draw, and what has been revealed of it.",
            success: (200, "Fairness"),
            problems: [.unknownOnSale]
        ) { services, call in
            let id = try call.onSaleID()
            if let facts = services.board[id]?.facts { return .now(FairnessDocument.response(facts)) }
            return services.later { FairnessDocument.response(try await services.published(id)) }
        },
        Operation(
            "getLeaves",
            .get,
            "/v1/on-sales/{id}/leaves",
            .anyone,
            "The hashes of the sealed entries in order of arrival: whoever has them all can make the draw again.",
            success: (200, "Leaves"),
            problems: [.badParameter, .unknownOnSale, .notSealed]
        ) { services, call in
            let id = try call.onSaleID()
            let after = try arrival(after: call.request.queryValue("after"))
            return services.later {
                let facts = try await services.published(id)
                let page = try await services.proofs.leaves(of: facts, after: after, limit: leavesPerPage)
                guard let page, let entries = facts.entries else { throw Problem.notSealed }
                let last = after + Int64(page.leaves.count)
                let body = JSONWriter.object { json in
                    json.field("on_sale", id.publicID)
                    json.field("entries", entries)
                    json.array("leaves") { for leaf in page.leaves { $0.value(Hex.encode(leaf)) } }
                    json.field("priorities", page.priorities.map { Hex.encode($0) })
                    json.field("next", last < entries && !page.leaves.isEmpty ? last : nil)
                }
                return .json(body, headers: ["Cache-Control": "public, s-maxage=3600"])
            }
        },
        Operation(
            "getProof",
            .get,
            "/v1/places/{id}/proof",
            .place,
            "Shows that a place was in the draw: its entry, and the way from there to the published root.",
            success: (200, "Proof"),
            problems: [.wrongPlace, .unknownOnSale, .notSealed, .notDrawn]
        ) { services, call in
            let token = try call.place(services)
            return services.later {
                let facts = try await services.published(token.onSale)
                guard let entries = facts.entries, facts.root != nil else { throw Problem.notSealed }
                guard token.arrival <= entries else { throw Problem.notDrawn }
                let entry = DrawEntry(onSale: token.onSale, arrival: token.arrival, place: token.place)
                guard let proof = try await services.proofs.proof(of: entry, facts) else {
                    throw Problem.notSealed
                }
                let body = JSONWriter.object { json in
                    json.field("place", token.place.publicID)
                    json.field("on_sale", token.onSale.publicID)
                    json.field("arrival", proof.arrival)
                    json.field("entries", proof.entries)
                    json.field("blinding", Hex.encode(proof.blinding))
                    json.field("priority", proof.priority)
                    json.field("leaf", Hex.encode(proof.leaf))
                    json.array("siblings") { for hash in proof.siblings { $0.value(Hex.encode(hash)) } }
                    json.field("root", Hex.encode(proof.root))
                }
                return .json(body, headers: ["Cache-Control": "private, no-store"])
            }
        },
        Operation(
            "revealSecret",
            .post,
            "/v1/promoter/on-sales/{id}/reveal",
            .promoter,
            "Hands in the secret that the promoter kept: after the seal, and before the beacon's value exists.",
            body: "Reveal",
            success: (200, "Fairness"),
            problems: changeProblems
        ) { services, call, holder in
            let id = try call.onSaleID()
            var fields = try RequestFields(call.request)
            let text = fields.string("secret", maxLength: 64)
            let secret = Hex.decode(text) ?? []
            if fields.has("secret"), secret.count != Commitment.secretLength {
                fields.refuse("secret", "must be 64 hexadecimal digits")
            }
            try fields.check()
            try await services.onSales.reveal(id, secret: secret, by: holder.actor)
            return try await filed(id, services)
        },
        Operation(
            "fileBeacon",
            .post,
            "/v1/promoter/on-sales/{id}/beacon",
            .promoter,
            "Files the value that was announced as the draw's beacon, with where everyone can find it.",
            body: "Beacon",
            success: (200, "Fairness"),
            problems: changeProblems
        ) { services, call, holder in
            let id = try call.onSaleID()
            var fields = try RequestFields(call.request)
            let value = fields.string("value", maxLength: 1_000)
            let proof = fields.string("proof", maxLength: 1_000)
            try fields.check()
            try await services.onSales.fileBeacon(id, value: value, proof: proof, by: holder.actor)
            return try await filed(id, services)
        },
    ]

    private static func arrival(after text: String?) throws(Problem) -> Int64 {
        guard let text else { return 0 }
        guard let number = Int64(text), number >= 0 else {
            throw .badParameter.with(detail: "after must be the `next` of an earlier answer")
        }
        return number
    }

    /// A page of about 1.3 MB.
    private static let leavesPerPage = 20_000

    /// The document as it is now, which this gateway's buyers see at once.
    private static func filed(_ id: OnSaleID, _ services: Services) async throws -> HTTPResponse {
        try await services.board.refresh()
        let facts = try await services.onSale(id).facts
        return .json(JSONWriter.object { FairnessDocument.write(facts, to: &$0) })
    }
}

/// What is published of a draw.
enum FairnessDocument {
    static func response(_ facts: OnSaleStatus) -> HTTPResponse {
        .json(
            JSONWriter.object { write(facts, to: &$0) },
            headers: ["Cache-Control": "public, s-maxage=1"]
        )
    }

    static func write(_ facts: OnSaleStatus, to json: inout JSONWriter) {
        let ceremony = facts.ceremony
        json.field("on_sale", facts.id.publicID)
        json.field("commitment", Hex.encode(facts.commitment))
        json.field("keeper", ceremony.keeper.rawValue)
        json.object("beacon") { write(ceremony, to: &$0) }
        json.field("starts_at", "\(facts.startsAt)")
        json.field("entries", facts.entries)
        json.field("sealed_at", facts.sealedAt.map { "\($0)" })
        json.field("root", facts.root.map { Hex.encode($0) })
        json.field("rooted_at", ceremony.rootedAt.map { "\($0)" })
        json.field("reveal_by", ceremony.revealBy.map { "\($0)" })
        json.field("revealed_at", ceremony.revealedAt.map { "\($0)" })
        json.field("drawn_at", facts.drawnAt.map { "\($0)" })
        json.field("secret", facts.revealedSecret.map { Hex.encode($0) })
        json.field("key", facts.drawnAt == nil ? nil : facts.drawKey.map { Hex.encode($0) })
        json.array("flags") { for flag in ceremony.flags { $0.value(flag.rawValue) } }
        json.field("rests_on", facts.drawnAt == nil ? nil : ceremony.restsOn)
    }

    private static func write(_ ceremony: DrawCeremony, to json: inout JSONWriter) {
        switch ceremony.beacon {
        case .none: json.field("kind", "none")
        case .drand(let url, let genesis, let period):
            json.field("kind", "drand")
            json.field("url", url)
            json.field("genesis_at", "\(genesis)")
            json.field("period_seconds", period)
            json.field("round", ceremony.due?.round)
        case .announced(let words, _):
            json.field("kind", "announced")
            json.field("announced", words)
        }
        json.field("at", ceremony.due.map { "\($0.at)" })
        json.field("wait_seconds", ceremony.beaconWaitSeconds)
        json.field("value", ceremony.value.map { Hex.encode($0) })
        json.field("proof", ceremony.proof)
        json.field("taken_at", ceremony.takenAt.map { "\($0)" })
    }
}
