@testable import Postgres

/// The bytes of messages, written by hand after the manual: the decoder's other side.
struct PgOutputBytes {
    var bytes: [UInt8]

    init(_ kind: Character) {
        bytes = [kind.asciiValue ?? 0]
    }

    func byte(_ value: UInt8) -> Self { adding { $0.append(value) } }
    func letter(_ value: Character) -> Self { byte(value.asciiValue ?? 0) }
    func int16(_ value: Int16) -> Self { adding { $0.appendBigEndian(value) } }
    func int32(_ value: Int32) -> Self { adding { $0.appendBigEndian(value) } }
    func int64(_ value: Int64) -> Self { adding { $0.appendBigEndian(value) } }
    func string(_ value: String) -> Self { adding { $0 += Array(value.utf8) + [0] } }
    func text(_ value: String) -> Self {
        letter("t").int32(Int32(value.utf8.count)).adding { $0 += Array(value.utf8) }
    }

    func adding(_ change: (inout [UInt8]) -> Void) -> Self {
        var copy = self
        change(&copy.bytes)
        return copy
    }

    /// One of each message, and what it says.
    static let samples: [(bytes: [UInt8], message: PgOutputMessage)] = [
        (
            Self("B").int64(0x16_B374_D848).int64(1_000_000).int32(-2).bytes,
            .begin(
                .init(
                    commitAt: LSN(rawValue: 0x16_B374_D848),
                    committedAt: PostgresTimestamp(microseconds: 946_684_801_000_000),
                    transaction: 4_294_967_294
                )
            )
        ),
        (
            Self("C").byte(0).int64(256).int64(300).int64(0).bytes,
            .commit(
                .init(
                    at: LSN(rawValue: 256),
                    end: LSN(rawValue: 300),
                    committedAt: PostgresTimestamp(microseconds: 946_684_800_000_000)
                )
            )
        ),
        (Self("O").int64(9).string("elsewhere").bytes, .origin(at: LSN(rawValue: 9), name: "elsewhere")),
        (
            Self("R").int32(7).string("öffentlich").string("facts").letter("d").int16(2).byte(1).string("seq")
                .int32(20).int32(-1).byte(0).string("data").int32(3802).int32(5).bytes,
            .relation(
                .init(
                    id: 7,
                    namespace: "öffentlich",
                    name: "facts",
                    identity: .primaryKey,
                    columns: [
                        .init(isKey: true, name: "seq", type: 20, modifier: -1),
                        .init(isKey: false, name: "data", type: 3802, modifier: 5),
                    ]
                )
            )
        ),
        (
            Self("R").int32(8).string("").string("pg_class").letter("n").int16(0).bytes,
            .relation(
                .init(id: 8, namespace: "pg_catalog", name: "pg_class", identity: .nothing, columns: [])
            )
        ),
        (Self("Y").int32(9).string("s").string("mood").bytes, .type(id: 9, namespace: "s", name: "mood")),
        (
            Self("I").int32(7).letter("N").int16(4).text("1").letter("n").letter("u").letter("b").int32(2)
                .byte(0).byte(255).bytes,
            .insert(relation: 7, new: [.text("1"), .null, .unchanged, .binary([0, 255])])
        ),
        (
            Self("U").int32(7).letter("N").int16(1).text("").bytes,
            .update(relation: 7, old: nil, new: [.text("")])
        ),
        (
            Self("U").int32(7).letter("K").int16(1).text("a").letter("N").int16(1).text("b").bytes,
            .update(relation: 7, old: .key([.text("a")]), new: [.text("b")])
        ),
        (
            Self("U").int32(7).letter("O").int16(1).letter("n").letter("N").int16(1).text("ü").bytes,
            .update(relation: 7, old: .row([.null]), new: [.text("ü")])
        ),
        (
            Self("D").int32(7).letter("K").int16(1).text("a").bytes,
            .delete(relation: 7, old: .key([.text("a")]))
        ),
        (
            Self("D").int32(7).letter("O").int16(1).text("a").bytes,
            .delete(relation: 7, old: .row([.text("a")]))
        ),
        (
            Self("T").int32(2).byte(3).int32(7).int32(8).bytes,
            .truncate(relations: [7, 8], cascades: true, restartsIdentity: true)
        ),
        (
            Self("M").byte(1).int64(77).string("usher").int32(3).byte(1).byte(0).byte(2).bytes,
            .message(
                .init(isTransactional: true, at: LSN(rawValue: 77), prefix: "usher", content: [1, 0, 2])
            )
        ),
    ]
}
