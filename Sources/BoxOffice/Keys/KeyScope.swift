/// What a key is limited to, within its role.
package struct KeyScope: Sendable, Equatable {
    /// A word that is no scope, or not one of this role's.
    package struct Refusal: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    /// The word for a key that only looks.
    package static let read = "read"
    /// A key that may do all that its role may.
    package static let everything = KeyScope()

    /// Whether it may only look.
    package let isReadOnly: Bool
    /// The only on-sales that it is for; nil for all.
    package let onSales: [OnSaleID]?

    package init(isReadOnly: Bool = false, onSales: [OnSaleID]? = nil) {
        self.isReadOnly = isReadOnly
        self.onSales = onSales
    }

    /// Reads `read` and the ids of on-sales; no word is no limit.
    ///
    /// - Throws: ``Refusal`` with the word that can't be one.
    package init(words: [String], role: APIKeys.Role) throws(Refusal) {
        var (isReadOnly, onSales) = (false, [OnSaleID]())
        for word in words {
            if word == Self.read {
                isReadOnly = true
            } else if let id = OnSaleID(publicID: word) {
                guard role == .promoter else {
                    throw Refusal(
                        description: "only a promoter's key can be for some on-sales, such as \(word)"
                    )
                }
                if !onSales.contains(id) { onSales.append(id) }
            } else {
                throw Refusal(
                    description: "a scope is \(Self.read) or an on-sale such as os_1, not \"\(word)\""
                )
            }
        }
        self.init(isReadOnly: isReadOnly, onSales: onSales.isEmpty ? nil : onSales)
    }

    /// The words that it is written with.
    package var words: [String] {
        (isReadOnly ? [Self.read] : []) + (onSales ?? []).map(\.publicID)
    }

    /// Whether the key is for this on-sale.
    package func includes(_ id: OnSaleID) -> Bool { onSales?.contains(id) ?? true }
}
