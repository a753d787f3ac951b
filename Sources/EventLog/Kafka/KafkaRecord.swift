/// What becomes one record of a topic.
struct KafkaRecord: Sendable, Hashable {
    /// Records of one key are in one partition, and in order.
    let key: String
    /// A JSON document.
    let value: [UInt8]
}
