/// What the seal says of one arrival: enough to prove it was in the draw, nothing about the person.
package struct DrawEntry: Sendable, Hashable {
    package let onSale: OnSaleID
    package let arrival: Int64
    package let place: PlaceID

    package init(onSale: OnSaleID, arrival: Int64, place: PlaceID) {
        self.onSale = onSale
        self.arrival = arrival
        self.place = place
    }

    /// The sixteen bytes that keep others from testing guesses against the leaf: HMAC-SHA256 of the place id
    /// under the on-sale's own salt, cut in half.
    ///
    /// The holder of the place has it on the receipt.
    package func blinding(under salt: [UInt8]) -> [UInt8] {
        Array(MessageCode.sha256(key: salt, Array("usher.blind.v1".utf8) + place.bytes).prefix(16))
    }

    /// SHA-256 of `0x00 ‖ u64(on-sale) ‖ u64(arrival) ‖ place id (16) ‖ blinding (16)`, and of the priority's byte
    /// where the on-sale has groups.
    package func leaf(blinding: [UInt8], priority: UInt8? = nil) -> [UInt8] {
        var fields = onSale.rawValue.bigEndianBytes + arrival.bigEndianBytes + place.bytes + blinding
        if let priority { fields.append(priority) }
        return Digest.sha256([0] + fields)
    }
}
