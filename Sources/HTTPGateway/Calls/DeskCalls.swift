internal import BoxOffice
internal import HTTP
internal import Postgres

extension Operation {
    /// What the promoter's desk looks at beside the on-sales themselves.
    static let deskCalls: [Operation] = [
        Operation(
            "checkPlan",
            .post,
            "/v1/promoter/plan-check",
            .promoter,
            "Reads a plan without scheduling anything: what is wrong with it, field by field, or what it comes to.",
            body: "Plan",
            success: (200, "PlanReading"),
            problems: [.malformedJSON, .notJSON, .invalidFields]
        ) { _, call, _ in
            _ = try RequestFields(call.request)
            return .json(PlanReading.bytes(try PlanReading.plan(call.request.body)))
        },
        Operation(
            "getPlan",
            .get,
            "/v1/promoter/on-sales/{id}/plan",
            .promoter,
            "The plan of an on-sale as it is in force.",
            success: (200, "Plan"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            .json(try await services.onSales.find(try call.onSaleID()).plan.bytes)
        },
        Operation(
            "getNumbers",
            .get,
            "/v1/promoter/on-sales/{id}/numbers",
            .promoter,
            "How the on-sale is going: the line, the door, the tickets and the money, all of one moment.",
            success: (200, "SaleNumbers"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            let id = try call.onSaleID()
            return .json(
                SaleNumbersDocument.bytes(id, try await SaleNumbers.read(id, from: services.postgres))
            )
        },
        Operation(
            "getCurves",
            .get,
            "/v1/promoter/on-sales/{id}/curves",
            .promoter,
            "How it has gone, every half minute or so: about 400 points at most, in columns.",
            success: (200, "SaleCurves"),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            let id = try call.onSaleID()
            _ = try await services.onSales.find(id)
            let samples = try await SaleSample.series(of: id, from: services.postgres)
            return .json(SaleNumbersDocument.bytes(id, samples))
        },
        Operation(
            "exportOrders",
            .get,
            "/v1/promoter/on-sales/{id}/orders.csv",
            .promoter,
            "All orders of the on-sale as comma-separated values (RFC 4180), archived ones as well.",
            success: (200, nil),
            problems: [.unknownOnSale]
        ) { services, call, _ in
            let id = try call.onSaleID()
            _ = try await services.onSales.find(id)
            var lines = [OrderTable.header]
            try await OrderRecord.each(of: id, in: services.postgres) { orders in
                lines += orders.map(OrderTable.line)
            }
            return HTTPResponse(
                status: 200,
                headers: [
                    "Content-Type": "text/csv; charset=utf-8", "Cache-Control": "no-store",
                    "Content-Disposition": "attachment; filename=\"orders-\(id.publicID).csv\"",
                ],
                body: Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
            )
        },
    ]
}

/// What a plan comes to: its tiers with what is in them, and its sections with every row.
enum PlanReading {
    /// Reads a plan.
    ///
    /// - Throws: `OnSaleProblem.invalid` with everything that is wrong with it.
    static func plan(_ json: [UInt8]) throws(OnSaleProblem) -> Plan {
        do throws(PlanError) { return try Plan(json: json) } catch { throw .invalid(error) }
    }

    static func bytes(_ plan: Plan) -> [UInt8] {
        JSONWriter.object { json in
            json.field("title", plan.title)
            json.field("currency", plan.currency)
            json.field("capacity", plan.capacity)
            json.array("tiers") { list in
                for tier in plan.tiers {
                    list.object { json in
                        json.field("id", tier.id)
                        json.field("name", tier.name)
                        json.money("price", Int64(tier.price), plan.currency)
                        json.field("capacity", plan.capacity(ofTier: tier.id))
                        json.field("numbered", tier.numbered)
                    }
                }
            }
            json.array("sections") { list in
                for section in plan.sections { list.object { write(section, to: &$0) } }
            }
            json.array("groups") { list in for group in plan.groups { list.value(group.id) } }
        }
    }

    private static func write(_ section: Plan.Section, to json: inout JSONWriter) {
        json.field("id", section.id)
        json.field("name", section.name)
        json.field("tier", section.tier)
        json.field("capacity", section.capacity)
        json.array("rows") { list in
            guard case .seated(let rows) = section.room else { return }
            for row in rows {
                list.object { json in
                    json.field("label", row.label)
                    json.array("numbers") { for seat in row.seats { $0.value(seat.number) } }
                    json.array("accessible") { numbers in
                        for seat in row.seats where seat.accessible { numbers.value(seat.number) }
                    }
                }
            }
        }
    }
}

/// The numbers and the curves of an on-sale.
enum SaleNumbersDocument {
    static func bytes(_ id: OnSaleID, _ numbers: SaleNumbers) -> [UInt8] {
        JSONWriter.object { json in
            json.field("on_sale", id.publicID)
            json.field("as_of", "\(numbers.asOf)")
            json.field("state", numbers.state.rawValue)
            json.field("paused_at", numbers.pausedAt.map { "\($0)" })
            json.field("note", numbers.note)
            json.field("message", numbers.message)
            json.object("line") { json in
                json.field("joined", numbers.joined)
                json.field("serving", numbers.serving)
                json.field("waiting", numbers.waiting)
                json.field("called", numbers.called)
                json.field("called_last_minute", numbers.calledLately)
                json.field("turns_open", numbers.open)
                json.field("missed", numbers.missed)
            }
            json.object("door") { json in
                json.field("rate_per_minute", numbers.ratePerMinute)
                json.field("active", numbers.active)
                json.field("active_limit", numbers.activeLimit)
                json.field("entered", numbers.entered)
                json.field("ended", numbers.ended)
                json.field("bought", numbers.bought)
            }
            json.array("tiers") { list in
                for tier in numbers.tiers {
                    list.object { json in
                        json.field("id", tier.id)
                        json.field("name", tier.name)
                        json.money("price", tier.price, numbers.currency)
                        json.field("capacity", tier.capacity)
                        json.field("free", tier.free)
                        json.field("withheld", tier.withheld)
                        json.field("held", tier.held)
                        json.field("paying", tier.paying)
                        json.field("sold", tier.sold)
                    }
                }
            }
            json.money("revenue", numbers.revenue, numbers.currency)
        }
    }

    static func bytes(_ id: OnSaleID, _ samples: [SaleSample]) -> [UInt8] {
        JSONWriter.object { json in
            json.field("on_sale", id.publicID)
            json.array("at") { for sample in samples { $0.value("\(sample.at)") } }
            let columns: [(String, (SaleSample) -> Int64)] = [
                ("joined", \.joined), ("serving", \.serving), ("active", \.active), ("entered", \.entered),
                ("missed", \.missed), ("held", \.held), ("revenue", \.revenue),
            ]
            for (name, value) in columns {
                json.array(name) { for sample in samples { $0.value(value(sample)) } }
            }
            json.array("sold") { list in
                for sample in samples { list.array { for sold in sample.sold { $0.value(sold) } } }
            }
        }
    }
}
