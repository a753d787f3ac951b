// The containers of ``PayloadEncoder``: they hand on what they are given.

extension PayloadEncoder {
    /// A value that is to be written where it stands.
    struct Value: Encoder, SingleValueEncodingContainer {
        let encoder: PayloadEncoder
        let depth: Int
        let start: Int

        var codingPath: [any CodingKey] { [] }
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            KeyedEncodingContainer(Object(encoder, encoder.open(isObject: true, at: depth, from: start)))
        }

        func unkeyedContainer() -> any UnkeyedEncodingContainer {
            List(encoder, encoder.open(isObject: false, at: depth, from: start))
        }

        func singleValueContainer() -> any SingleValueEncodingContainer { self }

        private func write(_ body: () throws -> Void) rethrows {
            if encoder.isUnwritten(self) { try body() }
        }

        func encodeNil() { write { encoder.null() } }
        func encode(_ value: Bool) { write { encoder.bool(value) } }
        func encode(_ value: String) { write { encoder.string(value) } }
        func encode(_ value: Double) { write { encoder.number(value) } }
        func encode(_ value: Float) { write { encoder.number(value) } }
        func encode(_ value: Int) { write { encoder.integer(value) } }
        func encode(_ value: Int8) { write { encoder.integer(value) } }
        func encode(_ value: Int16) { write { encoder.integer(value) } }
        func encode(_ value: Int32) { write { encoder.integer(value) } }
        func encode(_ value: Int64) { write { encoder.integer(value) } }
        func encode(_ value: UInt) { write { encoder.integer(value) } }
        func encode(_ value: UInt8) { write { encoder.integer(value) } }
        func encode(_ value: UInt16) { write { encoder.integer(value) } }
        func encode(_ value: UInt32) { write { encoder.integer(value) } }
        func encode(_ value: UInt64) { write { encoder.integer(value) } }
        func encode(_ value: some Encodable) throws { try write { try encoder.write(value, at: depth) } }
    }

    private struct Object<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: PayloadEncoder
        let place: Place

        init(_ encoder: PayloadEncoder, _ place: Place) { (self.encoder, self.place) = (encoder, place) }

        var codingPath: [any CodingKey] { [] }

        private func write(_ key: some CodingKey, _ body: () throws -> Void) rethrows {
            if encoder.next(in: place, key: key.stringValue) { try body() }
        }

        private func member(_ key: some CodingKey) -> Value {
            write(key) {}
            return encoder.value(at: place.depth + 1)
        }

        func encodeNil(forKey key: Key) { write(key) { encoder.null() } }
        func encode(_ value: Bool, forKey key: Key) { write(key) { encoder.bool(value) } }
        func encode(_ value: String, forKey key: Key) { write(key) { encoder.string(value) } }
        func encode(_ value: Double, forKey key: Key) { write(key) { encoder.number(value) } }
        func encode(_ value: Float, forKey key: Key) { write(key) { encoder.number(value) } }
        func encode(_ value: Int, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: Int8, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: Int16, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: Int32, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: Int64, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: UInt, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: UInt8, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: UInt16, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: UInt32, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: UInt64, forKey key: Key) { write(key) { encoder.integer(value) } }
        func encode(_ value: some Encodable, forKey key: Key) throws {
            try write(key) { try encoder.write(value, at: place.depth + 1) }
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type,
            forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            member(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            member(key).unkeyedContainer()
        }

        func superEncoder() -> any Encoder {
            encoder.giveUp()
            return encoder.value(at: -1)
        }

        func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
    }

    private struct List: UnkeyedEncodingContainer {
        let encoder: PayloadEncoder
        let place: Place
        private(set) var count = 0

        init(_ encoder: PayloadEncoder, _ place: Place) { (self.encoder, self.place) = (encoder, place) }

        var codingPath: [any CodingKey] { [] }

        private mutating func next() -> Bool {
            count += 1
            return encoder.next(in: place)
        }

        private mutating func element() -> Value {
            _ = next()
            return encoder.value(at: place.depth + 1)
        }

        mutating func encodeNil() { if next() { encoder.null() } }
        mutating func encode(_ value: Bool) { if next() { encoder.bool(value) } }
        mutating func encode(_ value: String) { if next() { encoder.string(value) } }
        mutating func encode(_ value: Double) { if next() { encoder.number(value) } }
        mutating func encode(_ value: Float) { if next() { encoder.number(value) } }
        mutating func encode(_ value: Int) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: Int8) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: Int16) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: Int32) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: Int64) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: UInt) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: UInt8) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: UInt16) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: UInt32) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: UInt64) { if next() { encoder.integer(value) } }
        mutating func encode(_ value: some Encodable) throws {
            if next() { try encoder.write(value, at: place.depth + 1) }
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) -> KeyedEncodingContainer<Nested> {
            element().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            element().unkeyedContainer()
        }

        mutating func superEncoder() -> any Encoder {
            encoder.giveUp()
            return encoder.value(at: -1)
        }
    }
}
