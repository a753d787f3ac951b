internal import BoxOffice
internal import HTTP
internal import Postgres
internal import Reactor

/// Certificates, as JSON and as pages, read at most once in five seconds per on-sale however many ask.
final class Certificates: Sendable {
    /// Both forms of one.
    struct Documents: Sendable {
        let json: HTTPResponse
        let page: HTTPResponse
    }

    private struct Kept {
        var documents: Documents?
        var until: MonotonicTime
    }

    private final class Keeper: Sendable {
        let kept = Lock<[OnSaleID: Kept]>([:])
    }

    private static let keptFor = Duration.seconds(5)
    private static let keptAtMost = 1_000

    /// Reads the certificates that are asked for; nil where there is no such on-sale.
    let reader: Batcher<OnSaleID, Documents?>
    private let keeper: Keeper

    init(reads: SharedReads) {
        let keeper = Keeper()
        self.keeper = keeper
        reader = Batcher(limit: 10_000, committers: 1) { asked in
            var read: [OnSaleID: Documents] = [:]
            for id in Set(asked) {
                let certificate = try await reads.read { try await FairnessCertificate.read(id, in: $0) }
                    .value
                let documents = certificate.map {
                    Documents(json: CertificateDocument.response($0), page: CertificatePage.response($0))
                }
                read[id] = documents
                keeper.kept.withLock { kept in
                    if kept.count > Self.keptAtMost { kept = [:] }
                    kept[id] = Kept(documents: documents, until: .now + Self.keptFor)
                }
            }
            return asked.map { read[$0] }
        }
    }

    /// Both forms.
    ///
    /// - Throws: ``Problem`` 404; `PostgresError`.
    func documents(of id: OnSaleID) async throws -> Documents {
        var documents: Documents?
        if let kept = keeper.kept.withLock({ $0[id] }), kept.until > .now {
            documents = kept.documents
        } else {
            documents = try await reader.submit(id)
        }
        guard let documents else { throw Problem.unknownOnSale }
        return documents
    }
}
