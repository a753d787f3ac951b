/// Why an on-sale can't be scheduled or changed as asked.
///
/// Nothing was changed.
package enum OnSaleProblem: Error, Sendable, Equatable {
    /// There is no such on-sale.
    case unknown
    /// It is past, or not yet at, the point where this can be done.
    case wrongState(OnSaleState, accepted: [OnSaleState])
    /// It is paused already, or isn't.
    case alreadyPaused
    case notPaused
    /// What can't be taken back needs the on-sale's title, typed.
    case notConfirmed(title: String)
    /// What was filed doesn't fit.
    case invalid(PlanError)
}
