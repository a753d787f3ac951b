internal import Foundation

/// The seats of an on-sale for programs: where they are, and roughly how many are left.
///
/// The rows are as they were filed; what is left is said of tiers and sections only.
enum SeatMapDocument {
    private struct Document: Encodable {
        struct Tier: Encodable {
            let id, name: String
            let price: Money
            let numbered: Bool
            let left: Availability
        }

        struct Money: Encodable {
            let amount: Int64
            let currency: String
        }

        struct Section: Encodable {
            let id, name, tier: String
            let left: Availability
            let rows: [Row]
        }

        struct Row: Encodable {
            let label, seats, accessible: String
        }

        let onSale, state: String
        let tiers: [Tier]
        let sections: [Section]

        enum CodingKeys: String, CodingKey {
            case state, tiers, sections
            case onSale = "on_sale"
        }
    }

    /// The document, its members by name.
    static func bytes(_ subject: PageSubject) throws -> [UInt8] {
        let document = Document(
            onSale: subject.id.publicID,
            state: subject.state,
            tiers: subject.tiers.map {
                .init(
                    id: $0.id,
                    name: $0.name,
                    price: .init(amount: $0.price, currency: subject.currency),
                    numbered: $0.numbered,
                    left: $0.left
                )
            },
            sections: subject.sections.map { section in
                .init(
                    id: section.id,
                    name: section.name,
                    tier: section.tier,
                    left: section.left,
                    rows: section.rows.map {
                        .init(
                            label: $0.label,
                            seats: SeatSpan.text($0.numbers),
                            accessible: SeatSpan.text($0.accessible)
                        )
                    }
                )
            }
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(document))
    }
}

extension SeatSpan {
    /// Ascending numbers as a seating chart writes them: `1-11,14-24`.
    static func text(_ numbers: [Int]) -> String {
        runs(numbers).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// Ascending numbers as runs without a gap.
    static func runs(_ numbers: [Int]) -> [ClosedRange<Int>] {
        numbers.reduce(into: []) { runs, number in
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
    }
}
