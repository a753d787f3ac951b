/// What comes of the things that a plan's draw waits for.
package enum RehearsedDraw: String, Sendable, CaseIterable, Codable {
    /// It waits for nothing.
    case now
    /// The promoter hands the secret in as soon as that can be done, and the beacon's value is there in its time.
    case prompt
    /// Neither ever comes.
    case withheld
}
