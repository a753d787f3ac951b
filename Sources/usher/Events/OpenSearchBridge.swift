internal import BoxOffice
internal import EventLog
internal import Postgres
internal import Reactor
internal import Synchronization
internal import Telemetry

/// Keeps an alias of a cluster's at what can be searched of the on-sales.
///
/// Behind the alias is an index, `NAME-1` and so on. A new one is filled from the table, told what was written meanwhile, and
/// only then does the alias change over: whoever searches finds all on-sales at any time.
final class OpenSearchBridge: Sendable {
    private let cluster: OpenSearchCluster
    /// The alias.
    private let name: String
    private let postgres: PostgresClient
    private let member: String
    private let configuration: ConsumerRunner.Configuration
    private let logger: Logger
    private let stopping = Atomic<Bool>(false)
    /// How often it is looked which index the alias is of.
    private let watch: Duration
    private static let page = 500
    /// How long the new index may take to be exactly as far as the old one, once it is nearly.
    private static let level = Duration.seconds(10)

    init(
        _ name: String,
        cluster: OpenSearchCluster,
        postgres: PostgresClient,
        member: String,
        configuration: ConsumerRunner.Configuration = .init(),
        watch: Duration = .seconds(2),
        logger: Logger
    ) {
        self.name = name
        self.cluster = cluster
        self.postgres = postgres
        self.member = member
        self.configuration = configuration
        self.watch = watch
        self.logger = logger
    }

    /// Lets ``run(reindexes:)`` end after what is under way.
    func stop() { stopping.store(true, ordering: .relaxed) }

    private var isOver: Bool { stopping.load(ordering: .relaxed) || Task.isCancelled }

    /// Works until ``stop()`` or cancellation.
    ///
    /// - Parameter reindexes: Whether a new index is to take the old one's place first.
    /// - Throws: ``OpenSearchProblem``, `PostgresError`, `FactCursors.Refusal`: before there is an index to work for.
    func run(reindexes: Bool) async throws {
        do {
            try await follow(reindexes: reindexes)
        } catch is CancellationError where stopping.load(ordering: .relaxed) {}
    }

    private func follow(reindexes: Bool) async throws {
        var current = try await self.current()
        if let old = current, reindexes {
            current = try await replace(old)
        } else if current == nil {
            current = try await begin()
        }
        while let index = current, !isOver {
            logger.info("running", ["index": index])
            current = try await work(for: [index]) { try await self.successor(of: index) }
        }
    }

    /// The index that the alias is of; nil while there is none.
    private func current() async throws -> String? {
        let indexes = try await cluster.indexes(of: name)
        guard indexes.count < 2, indexes.allSatisfy({ number(of: $0) != nil }) else {
            throw OpenSearchProblem(
                description:
                    "the alias \(name) is of \(indexes.joined(separator: ", ")), which this has not made"
            )
        }
        return indexes.first
    }

    private func number(of index: String) -> Int? {
        index.hasPrefix(name + "-") ? Int(index.dropFirst(name.count + 1)) : nil
    }

    /// Makes and fills the first index, or goes on with one that was begun.
    private func begin() async throws -> String {
        let index = "\(name)-\(try await cluster.numbers(of: name).last ?? 1)"
        _ = try await cluster.create(index)
        try await fill(index)
        if let other = try await current() { return other }
        try await cluster.point(name, to: index, insteadOf: [])
        return index
    }

    /// Makes a new index.
    ///
    /// - Returns: Its number.
    private func create() async throws -> Int {
        var next = (try await cluster.numbers(of: name).last ?? 0) + 1
        while try await !cluster.create("\(name)-\(next)") { next += 1 }
        return next
    }

    /// Fills a new index while the old one is kept up, and has it take its place.
    private func replace(_ old: String) async throws -> String {
        let next = try await create()
        let index = "\(name)-\(next)"
        logger.info("reindexing", ["from": old, "to": index])
        let done = try await work(
            for: [old, index],
            after: { [self] in
                // The old one is kept up meanwhile.
                try await fill(index)
            }
        ) { [self] in
            try await catchUp(index, with: old)
            try await cluster.refresh(index)
            let others = try await cluster.indexes(of: name)
            guard others.allSatisfy({ (number(of: $0) ?? .max) < next }) else {
                throw OpenSearchProblem(description: "the alias \(name) has become of \(others) meanwhile")
            }
            try await cluster.point(name, to: index, insteadOf: others)
            return index
        }
        guard done != nil else { throw CancellationError() }
        // What was before it, and what was begun and given up.
        for number in try await cluster.numbers(of: name) where number < next {
            try await cluster.delete("\(name)-\(number)")
        }
        let cursors = FactCursors(postgres: postgres)
        let prefix = OpenSearchConsumer.name(of: "\(name)-")
        for consumer in try await cursors.names(beginning: prefix) {
            guard let number = Int(consumer.dropFirst(prefix.count)), number < next else { continue }
            _ = try await cursors.drop(consumer)
        }
        logger.info("the alias is moved", ["index": index])
        return index
    }

    /// Copies the table to an index whose positions begin where `search` was before.
    private func fill(_ index: String) async throws {
        let consumer = OpenSearchConsumer(index: index, cluster: cluster, postgres: postgres)
        try await FactCursors(postgres: postgres).register(
            consumer.name,
            parts: consumer.parts,
            like: SearchIndex().name
        )
        try await waitForSearch()
        var last: OnSaleID?
        while !isOver {
            let entries = try await Search(postgres).copy(after: last, limit: Self.page)
            guard let end = entries.last else { break }
            try await cluster.write(entries, to: index)
            last = end.id
        }
        try Task.checkCancellation()
        if isOver { throw CancellationError() }
        try await cluster.refresh(index)
    }

    /// Waits until the table has all that the log has now: what is replayed, or was never told, is not yet in it.
    private func waitForSearch() async throws {
        let given = try await FactLog(postgres: postgres).sample().given
        let name = SearchIndex().name
        var isSaid = false
        while !isOver {
            let view = try await ConsumerView.all(in: postgres).first { $0.name == name }
            if let view, view.parts.allSatisfy({ $0.position >= given }) { return }
            if !isSaid { logger.info("waiting for the consumer search", ["event": given]) }
            isSaid = true
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Waits until the new index is told what the old one is.
    private func catchUp(_ index: String, with old: String) async throws {
        let cursors = FactCursors(postgres: postgres)
        let (new, before) = (OpenSearchConsumer.name(of: index), OpenSearchConsumer.name(of: old))
        var nearSince: MonotonicTime?
        while !isOver {
            if try await cursors.isLevel(new, with: before) { return }
            // Both follow a busy log, one never quite at the other's place.
            let lag = try await ConsumerView.all(in: postgres).first { $0.name == new }?.lag ?? 0
            if lag > 2 { nearSince = nil } else if nearSince == nil { nearSince = .now }
            if let nearSince, MonotonicTime.now - nearSince > Self.level { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw CancellationError()
    }

    /// The index that the alias has become of; nil while it is of the same.
    private func successor(of index: String) async throws -> String? {
        do {
            return try await current().flatMap { $0 == index ? nil : $0 }
        } catch let problem as OpenSearchProblem {
            logger.warning("the alias can't be looked at", ["error": "\(problem)"])
            return nil
        }
    }

    /// Tells indexes what happens until there is another to work for.
    ///
    /// - Returns: That one; nil when it is over.
    private func work(
        for indexes: [String],
        after prepare: @escaping @Sendable () async throws -> Void = {},
        until next: @escaping @Sendable () async throws -> String?
    ) async throws -> String? {
        let first = runner(indexes.prefix(1))
        let rest = runner(indexes.dropFirst())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await first.run() }
            defer {
                first.stop()
                rest.stop()
            }
            do {
                try await prepare()
                if indexes.count > 1 { group.addTask { await rest.run() } }
                while !isOver {
                    if let index = try await next() {
                        first.stop()
                        rest.stop()
                        try await group.waitForAll()
                        return index
                    }
                    try await Task.sleep(for: watch)
                }
            } catch is CancellationError {}
            first.stop()
            rest.stop()
            try await group.waitForAll()
            return nil
        }
    }

    private func runner(_ indexes: ArraySlice<String>) -> ConsumerRunner {
        ConsumerRunner(
            postgres: postgres,
            consumers: indexes.map { OpenSearchConsumer(index: $0, cluster: cluster, postgres: postgres) },
            member: member,
            configuration: configuration,
            logger: logger
        )
    }
}
