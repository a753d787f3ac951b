/// What somebody said with `NOTIFY`.
struct PostgresNotification: Sendable, Hashable {
    let channel: String
    let payload: String
}
