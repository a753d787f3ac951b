internal import Glibc

/// Chance that depends on its seed alone, so that a test can be had again.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (SplitMix64).
package struct TestDice: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Dice of their own for each pair.
    package init(seed: UInt64, stream: Int = 0) {
        state = seed &* 0x9e37_79b9_7f4a_7c15 ^ UInt64(bitPattern: Int64(stream)) &* 0xd1b5_4a32_d192_ed03
        _ = next()
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// A number that is asked for in the environment, such as a seed or how much of something there is to be.
package func testSetting(_ name: String) -> UInt64? {
    unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
}
