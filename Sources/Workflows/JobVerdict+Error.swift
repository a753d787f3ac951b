package import Jobs

extension JobVerdict {
    /// What an error says of itself: a verdict, or that it would come again whatever is tried.
    package init?(of error: any Error) {
        switch error {
        case let verdict as JobVerdict: self = verdict
        case let error as PayloadTooLarge: self = .discard(error.description)
        case let error as HistoryTooLong: self = .discard(error.description)
        default: return nil
        }
    }
}
