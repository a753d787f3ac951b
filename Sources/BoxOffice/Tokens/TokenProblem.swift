/// Why a token is refused.
///
/// Clients are told no more than that it is invalid or expired.
package enum TokenProblem: Error, Sendable, Equatable {
    /// It isn't a token of this kind at all.
    case malformed
    /// Its key isn't known here: made up, retired, or newer than what was loaded.
    case unknownKey
    /// The code doesn't fit the content.
    case forged
    /// It was good once.
    case expired
}
