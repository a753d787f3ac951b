internal import BoxOffice
internal import HTTP
internal import Postgres

extension Problem {
    /// What a client is told of an error; 500 only for what nobody expected.
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as OnSaleProblem: self.init(error)
        case let error as DrawFilingProblem: self.init(error)
        case PresaleProblem.unknownGroup(let accepted):
            let names =
                accepted.isEmpty ? "the plan has no groups" : "accepted: \(accepted.joined(separator: ", "))"
            self = .fields([("group", "is no group of this on-sale; \(names)")])
        case let error as Reservations.Refusal: self.init(error)
        case let error as PaymentCases.Refusal: self.init(error)
        case let error as RunControls.Refusal: self.init(error)
        case let error as TokenProblem: self = error == .expired ? .expiredToken : .invalidToken
        case let error as PostgresError: self.init(error)
        case is CancellationError: self = .overloaded
        default: self = .internalError
        }
    }

    private init(_ error: OnSaleProblem) {
        switch error {
        case .unknown: self = .unknownOnSale
        case .wrongState(let state, let accepted):
            let names = accepted.map(\.rawValue).joined(separator: ", ")
            self = .wrongState.with(
                detail: "the on-sale is \(state.rawValue); this takes one that is \(names)"
            )
        case .alreadyPaused: self = .wrongState.with(detail: "the on-sale is paused already")
        case .notPaused: self = .wrongState.with(detail: "the on-sale is not paused")
        case .notConfirmed(let title):
            self = .fields([("confirm", "must be the on-sale's title, \"\(title)\"")])
        case .invalid(let plan): self = .fields(plan.issues.map { ($0.path, $0.message) })
        }
    }

    private init(_ error: DrawFilingProblem) {
        switch error {
        case .notAwaited: self = .wrongState.with(detail: "the plan of this on-sale does not provide for it")
        case .tooEarly:
            self = .wrongState.with(detail: "it is too early: the fairness document says from when")
        case .tooLate: self = .wrongState.with(detail: "it is too late: the draw goes on without it")
        case .filedAlready: self = .wrongState.with(detail: "it was filed already, and stays as it is")
        case .notCommittedTo:
            self = .fields([("secret", "is not the one that the plan committed to")])
        }
    }

    private init(_ refusal: Reservations.Refusal) {
        switch refusal {
        case .unknown: self = .unknownReservation
        case .wrongState(let state): self = .wrongState.with(detail: "the reservation is \(state.rawValue)")
        case .tooLate: self = .wrongState.with(detail: "the reservation's time is over")
        case .limitReached: self = .limitReached
        case .inProgress: self = .inProgress
        }
    }

    private init(_ refusal: PaymentCases.Refusal) {
        switch refusal {
        case .unknown: self = .unknownPayment
        case .notOpen(let state):
            self = .wrongState.with(detail: "nobody has to settle the payment: it is \(state.rawValue)")
        case .misfit(let state, let accepted):
            let names = accepted.map(\.rawValue).joined(separator: " or ")
            self = .wrongState.with(
                detail: "the reservation is \(state.rawValue), so that its case ends as \(names)"
            )
        }
    }

    private init(_ refusal: RunControls.Refusal) {
        switch refusal {
        case .unknown: self = .unknownJob
        case .wrongState(let state): self = .wrongState.with(detail: "it is \(state)")
        case .keyTaken(let message): self = .keyTaken.with(detail: message)
        case .notForkable(let message): self = .wrongState.with(detail: message)
        }
    }

    private init(_ error: PostgresError) {
        switch error.code {
        case .connection, .poolTimeout, .poolClosed, .cancelled: self = .databaseUnavailable
        case .commitUnknown: self = .outcomeUnknown
        case .server where error.isTransient: self = .databaseUnavailable.retrying(after: 1)
        default: self = .internalError
        }
    }
}

extension PostgresError {
    /// Whether the server would do the same thing a moment later.
    fileprivate var isTransient: Bool {
        guard let sqlState else { return false }
        // Transaction rollback, insufficient resources, operator intervention.
        return ["40", "53", "57"].contains(sqlState.classCode) || sqlState == .lockNotAvailable
            || sqlState == .readOnlyTransaction
    }
}
