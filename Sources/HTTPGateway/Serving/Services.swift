internal import BoxOffice
internal import HTTP
internal import Jobs
internal import Postgres
internal import Reactor
internal import Telemetry
internal import Workflows

/// What the calls work with; one per gateway.
final class Services: Sendable {
    let postgres: PostgresClient
    let reads: SharedReads
    let board: OnSaleBoard
    let keys: KeyRing
    let staff: StaffDoor
    let places: PlaceAnswers
    let joins: Batcher<JoinRequest, JoinOutcome>
    let admissions: Batcher<AdmissionRequest, AdmissionOutcome>
    let waitlist: Batcher<WaitlistRequest, WaitlistOutcome>
    /// Those who come to the waitlist without a place.
    let newcomers: Batcher<WaitlistJoin, WaitlistJoinOutcome>
    let health: HealthMeter
    let live: LiveHub
    /// The event log, for those who follow it.
    let events: FactTail
    let eventStreams: EventStreams
    let caseMeter: CaseMeter
    let consumerMeter: ConsumerMeter
    let purgeMeter: PurgeMeter
    let engineMeter: EngineMeter
    let cases: PaymentCases
    let seats: SeatMaps
    /// What everybody may see, as it was made beforehand.
    let pages: PageShelf
    let searches: Searches
    let proofs: DrawProofs
    let certificates: Certificates
    let contacts: Contacts
    let presale: Presale
    let templates: MessageTemplates
    let notifications: Notifications
    let onSales: OnSales
    let pools: Pools
    let controls: QueueControls
    let workflows: WorkflowClient
    let runs: RunControls
    let bulk: BulkControls
    let rehearsals: Rehearsals
    let lights: LightKeeper
    let reservations: Reservations
    let starter: EagerStarter
    let callbacks: PaymentCallbacks?
    /// What the line's page offers.
    let paymentMethods: [String]
    let logger: Logger
    private let speaksTLS: Bool
    private let missing: Batcher<OnSaleID, Bool>
    private let archive: Batcher<OnSaleID, OnSaleStatus?>
    private let errors: Counter
    private let queues: Set<String>

    init(
        postgres: PostgresClient,
        replica: PostgresClient?,
        registry: WorkflowRegistry,
        configuration: GatewayConfiguration,
        metrics: MetricsRegistry,
        logger: Logger,
        tracer: Tracer?,
        loops: Int
    ) {
        let orders = DrawOrders()
        let reads = SharedReads(
            primary: postgres,
            replica: replica,
            bound: configuration.replicaStaleness,
            metrics: metrics,
            logger: logger
        )
        self.reads = reads
        let board = OnSaleBoard(reads: reads, orders: orders, logger: logger)
        self.postgres = postgres
        self.board = board
        self.logger = logger
        queues = registry.queues.union([
            Reservation.queue, OnSaleLifecycle.queue, AdmissionTick.queue, RenderPages.queue,
        ])
        let keys = KeyRing(postgres: postgres, logger: logger)
        self.keys = keys
        staff = StaffDoor(postgres: postgres, limit: configuration.wrongKeys)
        let places = PlaceAnswers(
            places: Places(postgres: postgres, orders: orders),
            waitlists: Waitlists(postgres: postgres, logger: logger)
        )
        self.places = places
        live = LiveHub(
            loops: loops,
            board: board,
            places: places,
            reservations: ReservationWatch(loops: loops, now: { board.clock.now }) { ids in
                try await ReservationView.read(ids, from: postgres)
            },
            metrics: metrics,
            tokens: LiveHub.Tokens(
                place: { try PlaceToken($0, keys: try keys.current(), now: board.clock.now) },
                admission: { try AdmissionToken($0, keys: try keys.current(), now: board.clock.now) }
            )
        )
        events = FactTail(postgres: postgres)
        eventStreams = EventStreams(loops: loops, tail: events, metrics: metrics, logger: logger)
        onSales = OnSales(postgres: postgres)
        pools = Pools(postgres: postgres)
        controls = QueueControls(postgres: postgres)
        seats = SeatMaps(reads: reads)
        pages = PageShelf(postgres: postgres, seconds: configuration.pageSeconds)
        searches = Searches(reads: reads)
        proofs = DrawProofs(postgres: postgres)
        certificates = Certificates(reads: reads)
        contacts = Contacts(postgres: postgres)
        presale = Presale(postgres: postgres)
        templates = MessageTemplates(postgres: postgres)
        notifications = Notifications(postgres: postgres)
        starter = EagerStarter(postgres: postgres, registry: registry, logger: logger, tracer: tracer)
        let workflows = WorkflowClient(postgres: postgres)
        self.workflows = workflows
        runs = RunControls(workflows: workflows)
        bulk = BulkControls(workflows: workflows)
        rehearsals = Rehearsals(store: workflows.store)
        lights = LightKeeper(lights: AuditLights(postgres: postgres), logger: logger)
        reservations = Reservations(postgres: postgres, workflows: workflows, starter: starter)
        callbacks = configuration.paymentSecret.map {
            PaymentCallbacks(postgres: postgres, workflows: workflows, secret: $0)
        }
        paymentMethods = configuration.paymentMethods
        speaksTLS = configuration.server.certificate != nil
        errors = metrics.counter("usher_http_internal_errors_total", help: "Answers with status 500.")

        let joinSizes = metrics.histogram(
            "usher_join_batch_size",
            help: "Joins in one commit.",
            bounds: [1, 2, 5, 10, 25, 50, 100, 250, 500]
        )
        let joining = Joins(postgres: postgres)
        joins = Batcher { requests in
            // Those who came while the batch before waited for the database in vain.
            guard !board.isCutOff else { throw Problem.databaseUnavailable }
            joinSizes.observe(Double(requests.count))
            return try await Self.insisting { try await joining.commit(requests) }
        }
        let admitting = Admissions(postgres: postgres, orders: orders)
        admissions = Batcher { requests in
            guard !board.isCutOff else { throw Problem.databaseUnavailable }
            return try await Self.insisting { try await admitting.commit(requests) }
        }
        let waiting = Waitlist(postgres: postgres, orders: orders)
        waitlist = Batcher { requests in
            guard !board.isCutOff else { throw Problem.databaseUnavailable }
            return try await Self.insisting { try await waiting.commit(requests) }
        }
        newcomers = Batcher { requests in
            try await Self.insisting { try await waiting.commit(requests) }
        }
        health = HealthMeter(postgres: postgres, logger: logger)
        caseMeter = CaseMeter(postgres: postgres, metrics: metrics, logger: logger)
        consumerMeter = ConsumerMeter(postgres: postgres, metrics: metrics, logger: logger)
        purgeMeter = PurgeMeter(postgres: postgres, metrics: metrics, logger: logger)
        engineMeter = EngineMeter(postgres: postgres, metrics: metrics, logger: logger)
        cases = PaymentCases(postgres: postgres)
        missing = Batcher(limit: 10_000, committers: 1) { asked in
            try await board.refresh()
            return asked.map { board[$0] != nil }
        }
        archive = Batcher(limit: 10_000, committers: 1) { asked in
            var found: [OnSaleID: OnSaleStatus] = [:]
            for id in Set(asked) {
                found[id] = try await reads.read { try await OnSaleStatus.find(id, in: $0) }.value
            }
            return asked.map { found[$0] }
        }
    }

    /// Makes and reads what the first answers need.
    ///
    /// - Throws: ``PostgresError``.
    func prepare() async throws {
        // Nothing may be asked of a queue before it exists, and a gateway may be the first process there is.
        let store = JobStore(postgres: postgres)
        for queue in queues.sorted() { try await store.ensureQueue(queue) }
        try await keys.refresh()
        try await board.refresh()
    }

    /// Runs everything in the background until the task is cancelled and what was accepted is answered.
    func run(on loops: EventLoopGroup) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask(executorPreference: loops.next()) { await self.reads.run() }
            group.addTask(executorPreference: loops.next()) { await self.board.run() }
            group.addTask(executorPreference: loops.next()) { await self.keys.run() }
            group.addTask(executorPreference: loops.next()) { try await self.starter.run() }
            group.addTask { await self.joins.run(on: loops) }
            group.addTask { await self.admissions.run(on: loops) }
            group.addTask { await self.waitlist.run(on: loops) }
            group.addTask { await self.newcomers.run(on: loops) }
            group.addTask(executorPreference: loops.next()) { await self.health.run() }
            group.addTask(executorPreference: loops.next()) { await self.caseMeter.run() }
            group.addTask(executorPreference: loops.next()) { await self.consumerMeter.run() }
            group.addTask(executorPreference: loops.next()) { await self.purgeMeter.run() }
            group.addTask(executorPreference: loops.next()) { await self.engineMeter.run() }
            group.addTask { await self.lights.run() }
            group.addTask(executorPreference: loops.next()) { await self.places.waitlists.run() }
            group.addTask { await self.places.waitlists.reader.run(on: loops) }
            group.addTask { await self.seats.reader.run(on: loops) }
            group.addTask { await self.pages.run(on: loops) }
            group.addTask { await self.searches.reader.run(on: loops) }
            group.addTask { await self.certificates.reader.run(on: loops) }
            group.addTask { await self.missing.run(on: loops) }
            group.addTask { await self.archive.run(on: loops) }
            do {
                try await group.waitForAll()
            } catch {
                close()
                throw error
            }
        }
    }

    /// Refuses what is new; what was accepted is still answered.
    func close() {
        events.close()
        joins.close()
        admissions.close()
        waitlist.close()
        newcomers.close()
        places.waitlists.reader.close()
        seats.reader.close()
        pages.close()
        searches.reader.close()
        certificates.reader.close()
        missing.close()
        archive.close()
        starter.close()
    }

    /// Does again what may be done twice, when the connection was lost under it: a batch of a few hundred people
    /// should not hear of one backend that died.
    private static func insisting<Answer>(_ work: () async throws -> Answer) async throws -> Answer {
        let began = MonotonicTime.now
        do {
            return try await work()
        } catch let error as PostgresError where error.code == .connection || error.code == .commitUnknown {
            // Whoever has waited for a server in vain would only wait for as long again.
            guard MonotonicTime.now - began < .seconds(1) else { throw error }
            return try await work()
        }
    }

    // MARK: What calls share

    /// The `Set-Cookie` header that gives a cookie to whoever asks: for TLS only, where they speak TLS.
    ///
    /// What a balancer says of it is believed of anyone: whoever says it wrongly has only their own cookies to lose.
    func setCookie(_ cookie: Cookie, for request: HTTPRequest) -> String {
        let isForwarded =
            request.headers["X-Forwarded-Proto"] == "https"
            || request.headers["Forwarded"]?.lowercased().contains("proto=https") == true
        return cookie.header(isSecure: speaksTLS || isForwarded)
    }

    /// Answers with an on-sale, at once if the board has it.
    ///
    /// One that was scheduled this second somewhere else is looked for once before it is called unknown.
    func withOnSale(
        _ id: OnSaleID,
        _ answer: @escaping @Sendable (OnSaleSnapshot) throws -> HTTPResponse
    ) throws -> Reply {
        if let snapshot = board[id] { return .now(try answer(snapshot)) }
        return later { [self] in try answer(try await onSale(id)) }
    }

    /// An on-sale, looked for once if the board does not have it.
    ///
    /// - Throws: ``Problem`` 404; `PostgresError`.
    func onSale(_ id: OnSaleID) async throws -> OnSaleSnapshot {
        if let snapshot = board[id] { return snapshot }
        if let age = board.age, age < .milliseconds(100) { throw Problem.unknownOnSale }
        _ = try await missing.submit(id)
        guard let snapshot = board[id] else { throw Problem.unknownOnSale }
        return snapshot
    }

    /// An on-sale, however long it is over: the board knows those of the last day.
    ///
    /// - Throws: ``Problem`` 404; `PostgresError`.
    func published(_ id: OnSaleID) async throws -> OnSaleStatus {
        if let facts = board[id]?.facts { return facts }
        guard let facts = try await archive.submit(id) else { throw Problem.unknownOnSale }
        return facts
    }

    /// A reply that needs a task; what it throws becomes a problem.
    func later(_ work: @escaping @Sendable () async throws -> HTTPResponse) -> Reply {
        .later { [self] in
            do {
                // There may be thousands who ask, and nothing that is worth their waiting.
                guard !board.isCutOff else { throw Problem.databaseUnavailable }
                return try await work()
            } catch {
                return problem(error)
            }
        }
    }

    /// What a client is told of an error; what nobody expected is logged.
    func problem(_ error: any Error) -> HTTPResponse {
        let problem = Problem(error)
        if problem.status == 500 {
            errors.increment()
            logger.error("a call failed", ["error": "\(error)"])
        }
        return problem.response
    }
}
