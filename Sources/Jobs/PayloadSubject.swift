/// What a payload is, and whose: a codec can authenticate it, choose a key by it, or leave it alone.
public struct PayloadSubject: Sendable, Hashable, CustomStringConvertible {
    /// The kinds of payload; more may come.
    public struct Kind: Sendable, Hashable {
        /// As it is authenticated: never change one.
        let name: String

        /// What a job or run is started with.
        public static let input = Self(name: "input")
        /// What a job or run returned.
        public static let output = Self(name: "output")
        /// What a step or an effect returned.
        public static let checkpoint = Self(name: "checkpoint")
        /// What a run is sent, by a client or by a child that ended.
        public static let event = Self(name: "event")
        /// What a run shows to the outside, answers to updates among it.
        public static let value = Self(name: "value")
    }

    /// What it is.
    public let kind: Kind
    /// The job's name; nil for events, whose senders know no more than a number.
    public let job: String?
    /// The job or run; nil for inputs, which are encoded before there is a number.
    public let id: JobID?
    /// The checkpoint's key, or the name of the event or the value.
    public let name: String?

    private init(_ kind: Kind, job: String? = nil, id: JobID? = nil, name: String? = nil) {
        self.kind = kind
        self.job = job
        self.id = id
        self.name = name
    }

    /// What a job of this name is started with.
    public static func input(of job: String) -> Self { Self(.input, job: job) }

    /// What a job or run returned.
    public static func output(of job: String, _ id: JobID) -> Self { Self(.output, job: job, id: id) }

    /// What a run keeps under a key.
    public static func checkpoint(_ key: String, of job: String, _ id: JobID) -> Self {
        Self(.checkpoint, job: job, id: id, name: key)
    }

    /// What a run is sent.
    public static func event(_ name: String, of id: JobID) -> Self { Self(.event, id: id, name: name) }

    /// What a run shows.
    public static func value(_ name: String, of id: JobID) -> Self { Self(.value, id: id, name: name) }

    /// One text for each subject, to authenticate payloads with.
    ///
    /// Of an input it is the job's name alone. Numbers come before names, so that no two subjects have the same text.
    public var text: String {
        kind == .input
            ? job ?? "" : "\(kind.name)\u{0}\(id?.rawValue ?? 0)\u{0}\(job ?? "")\u{0}\(name ?? "")"
    }

    /// For messages, such as "checkpoint charge of run 12 (order)".
    public var description: String {
        let owner = [id.map { job == nil ? "run \($0)" : "\($0)" }, job.map { id == nil ? $0 : "(\($0))" }]
            .compactMap { $0 }
        return ([kind.name] + [name].compactMap { $0 } + ["of"] + owner).joined(separator: " ")
    }
}
