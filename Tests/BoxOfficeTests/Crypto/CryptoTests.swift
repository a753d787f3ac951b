@testable import BoxOffice
import Testing

@Suite(.timeLimit(.minutes(5)))
struct CryptoTests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 of the published examples`(text: String, expected: String) {
        #expect(hex(Digest.sha256(text)) == expected)
    }

    /// RFC 4231, cases 1, 2 and 6.
    @Test(arguments: [
        (
            [UInt8](repeating: 0x0b, count: 20), "Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
    ])
    func `HMAC-SHA256 of RFC 4231`(key: [UInt8], message: String, expected: String) {
        #expect(hex(MessageCode.sha256(key: key, Array(message.utf8))) == expected)
    }

    /// RFC 5869, test cases 1 and 3.
    @Test func `HKDF-SHA256 of RFC 5869`() {
        let input = [UInt8](repeating: 0x0b, count: 22)
        let first = KeyDerivation.hkdf(input, salt: Array(0x00...0x0c), info: Array(0xf0...0xf9), count: 42)
        #expect(
            hex(first)
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        )
        let third = KeyDerivation.hkdf(input, salt: [], info: [], count: 42)
        #expect(
            hex(third)
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        )
    }

    @Test func `equal compares whole byte strings`() {
        #expect(SecureBytes.equal([1, 2, 3], [1, 2, 3]))
        #expect(!SecureBytes.equal([1, 2, 3], [1, 2, 4]))
        #expect(!SecureBytes.equal([1, 2, 3], [1, 2]))
        #expect(SecureBytes.equal([], []))
        #expect(SecureBytes.random(32) != SecureBytes.random(32))
    }

    /// RFC 4648 §10, without padding.
    @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `base 64 there and back`(plain: String, coded: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == coded)
        #expect(Base64URL.decode(coded.utf8) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg==", "Zh", "Z", "Zm9v!", "Zm+v"])
    func `base 64 that encode would not write is refused`(text: String) {
        #expect(Base64URL.decode(text.utf8) == nil)
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
