package import Postgres

/// Whoever is to be told of every fact, in order, by each on-sale.
///
/// A consumer is named, and its positions are kept under that name: whoever runs it next goes on where it was. It has so
/// many parts as may work side by side; all facts of an on-sale go to one of them.
///
/// ``deliver(_:)`` reaches outside and happens at least once: after a crash the same facts come again. ``apply(_:in:)``
/// writes to this database, in the transaction that moves the position: once.
package protocol FactConsumer: Sendable {
    /// Names it, and its positions.
    var name: String { get }
    /// How many can work for it side by side; fixed when its positions are made.
    var parts: Int { get }
    /// The kinds that it wants; nil for all.
    var kinds: Set<String>? { get }
    /// The tables that hold what it has written, and nothing else: told everything anew, they come to the same.
    var tables: [String] { get }

    /// Tells somebody outside, who may have been told of the first of these already.
    func deliver(_ facts: [Fact]) async throws

    /// Writes what follows from facts. May run again after its transaction was rolled back.
    func apply(_ facts: [Fact], in transaction: inout Transaction) async throws

    /// Forgets all that was written, before all is told anew.
    func reset(in transaction: inout Transaction) async throws
}

extension FactConsumer {
    package var parts: Int { 4 }
    package var kinds: Set<String>? { nil }
    package var tables: [String] { [] }
    package func deliver(_ facts: [Fact]) async throws {}
    package func apply(_ facts: [Fact], in transaction: inout Transaction) async throws {}
    package func reset(in transaction: inout Transaction) async throws {}
}
