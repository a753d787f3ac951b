internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// How an on-sale went, for everyone to see.
    static let certificateCalls: [Operation] = [
        Operation(
            "getCertificate",
            .get,
            "/v1/on-sales/{id}/certificate",
            .anyone,
            "The fairness certificate: the draw, every decision that people took, and the books. Final once it is over.",
            success: (200, "Certificate"),
            problems: [.unknownOnSale]
        ) { services, call in
            let id = try call.onSaleID()
            return services.later { try await services.certificates.documents(of: id).json }
        },
        Operation(
            "getCertificatePage",
            .get,
            "/on-sales/{id}/certificate",
            .anyone,
            "The fairness certificate as a page.",
            success: (200, nil),
            problems: [.unknownOnSale]
        ) { services, call in
            let id = try call.onSaleID()
            return services.later { try await services.certificates.documents(of: id).page }
        },
    ]
}

/// A certificate for programs.
enum CertificateDocument {
    static func response(_ certificate: FairnessCertificate) -> HTTPResponse {
        let facts = certificate.onSale
        let body = JSONWriter.object { json in
            json.field("on_sale", facts.id.publicID)
            json.field("title", facts.title)
            json.field("state", facts.publishedState)
            json.field("final", certificate.isFinal)
            json.field("read_at", "\(facts.readAt)")
            json.object("draw") { FairnessDocument.write(facts, to: &$0) }
            json.object("line") { line in
                line.field("joined", certificate.line.joined)
                line.field("called", certificate.line.called)
                line.field("admitted", certificate.line.admitted)
                line.field("missed", certificate.line.missed)
                line.field("admitted_ahead_of_turn", certificate.line.admittedAhead)
                line.field("called_again", certificate.line.calledAgain)
                line.field("from_waitlist", certificate.line.fromWaitlist)
            }
            json.array("tiers") { list in
                for tier in certificate.tiers {
                    list.object { json in
                        json.field("id", tier.id)
                        json.field("name", tier.name)
                        json.field("capacity", tier.capacity)
                        json.field("sold", tier.sold)
                        json.field("refunded", tier.refunded)
                        json.field("live", tier.live)
                        json.field("oversold", tier.oversold)
                    }
                }
            }
            json.field("exceptions", certificate.exceptions.count)
            json.array("audit") { list in
                for entry in certificate.entries {
                    list.object { json in
                        json.field("ordinal", entry.ordinal)
                        json.field("recorded_at", "\(entry.recordedAt)")
                        json.field("actor", entry.actor)
                        json.field("action", entry.action)
                        json.field("detail", entry.detail)
                        json.field("hash", Hex.encode(entry.hash))
                    }
                }
            }
            json.field("audit_whole", certificate.isChainWhole)
            json.array("violations") { for text in certificate.violations { $0.value(text) } }
        }
        return .json(body, headers: ["Cache-Control": "public, s-maxage=5"])
    }
}
