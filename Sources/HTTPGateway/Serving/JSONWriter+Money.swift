internal import HTTP

extension JSONWriter {
    /// An amount in minor units with its ISO 4217 code, as every amount of the API is written.
    mutating func money(_ name: String, _ amount: Int64, _ currency: String) {
        object(name) { money in
            money.field("amount", amount)
            money.field("currency", currency)
        }
    }
}
