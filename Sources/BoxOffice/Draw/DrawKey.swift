/// The key that decides the order, fixed by three things no single party controls at the same time.
package enum DrawKey {
    /// HKDF-SHA256 of the secret, the beacon and the root.
    ///
    /// Input key: `secret ‖ u16(length of beacon) ‖ beacon ‖ root`; no salt; info `usher.draw.v1`. An on-sale
    /// without a beacon has one of length zero, and a secret that was never revealed has length zero, too.
    package static func derive(secret: [UInt8], beacon: [UInt8]?, root: [UInt8]) -> [UInt8] {
        let beacon = beacon ?? []
        let input = secret + UInt16(beacon.count).bigEndianBytes + beacon + root
        return KeyDerivation.hkdf(input, info: Array("usher.draw.v1".utf8))
    }
}
