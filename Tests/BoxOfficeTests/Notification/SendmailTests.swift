import Foundation
import Postgres
import Testing

@testable import BoxOffice

@Suite(.timeLimit(.minutes(5)))
struct SendmailTests {
    private let letter = Letter(
        id: 7,
        to: "ada@example.org",
        subject: "Ihre 3 Karten für „Die Mitternachtssänger“ – und noch ein langer Betreff",
        body: "Grüße,\n.\nBcc: nobody@example.org\n",
        unsubscribe: "https://tickets.example/unsubscribe/un_x"
    )

    @Test func `A letter is a message whose text can't become a header`() throws {
        let at = PostgresTimestamp(microseconds: 1_796_000_000_000_000)
        let mail = SendmailChannel.mail(letter, from: "box@tickets.example", at: at)
        let parts = mail.components(separatedBy: "\n\n")
        #expect(parts.count == 2)
        let lines = parts[0].split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 76 && $0.allSatisfy(\.isASCII) }, "\(lines)")
        #expect(
            lines.contains("To: <ada@example.org>") && lines.contains("Message-ID: <usher-7@tickets.example>")
        )
        #expect(lines.contains("List-Unsubscribe: <https://tickets.example/unsubscribe/un_x>"))
        #expect(lines.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
        #expect(lines.contains("Date: Mon, 30 Nov 2026 00:53:20 +0000"), "\(lines)")
        let words = parts[0].matches(of: #/=\?utf-8\?B\?([^?]*)\?=/#).map { String($0.output.1) }
        let subject = words.reduce(Data()) { $0 + (Data(base64Encoded: $1) ?? Data()) }
        #expect(String(decoding: subject, as: UTF8.self) == letter.subject)
        let body = Data(base64Encoded: parts[1], options: .ignoreUnknownCharacters)
        #expect(body.map { String(decoding: $0, as: UTF8.self) } == letter.body)
    }

    @Test func `The program gets the letter on its input, and its status decides`() async throws {
        let place = FileManager.default.temporaryDirectory.appending(
            path: "usher-sendmail-\(UUID().uuidString)"
        )
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        // What can't be removed lies in the system's directory for such things, and is no matter of this test.
        defer { try? FileManager.default.removeItem(at: place) }
        func channel(status: Int) throws -> SendmailChannel {
            let program = place.appending(path: "sendmail-\(status)")
            let text =
                "#!/bin/sh\necho \"$@\" > \(place.path)/arguments\ncat > \(place.path)/letter\nexit \(status)\n"
            try text.write(to: program, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
            return SendmailChannel(program: program.path, from: "box@tickets.example")
        }
        try await channel(status: 0).send(letter)
        let arguments = try String(contentsOf: place.appending(path: "arguments"), encoding: .utf8)
        #expect(arguments == "-i -f box@tickets.example -- ada@example.org\n")
        let kept = try String(contentsOf: place.appending(path: "letter"), encoding: .utf8)
        #expect(kept.hasPrefix("From: <box@tickets.example>\n"))
        // EX_TEMPFAIL is tried again, EX_NOUSER is not.
        await #expect(throws: MailFailed.self) { try await channel(status: 75).send(letter) }
        await #expect(throws: MessageRefused.self) { try await channel(status: 67).send(letter) }
        let missing = SendmailChannel(program: "\(place.path)/none", from: "box@tickets.example")
        await #expect(throws: MailFailed.self) { try await missing.send(letter) }
    }

    @Test(arguments: [
        ("ada@example.org", true), ("a.b+c@x-y.example", true), ("ada", false), ("@example.org", false),
        ("ada@", false), ("-f@example.org", false), ("ada@example..org", false), ("a b@example.org", false),
        ("ada@example.org\nBcc: x@y", false), ("a,b@example.org", false), ("\"a\"@example.org", false),
        ("<ada@example.org>", false), ("ada@exämple.org", false),
    ])
    func `An address is taken only if it can stand in a header as it is`(address: String, isFine: Bool) {
        #expect(Contact.isMail(address) == isFine)
    }

    @Test func `A telephone number is that of E 164`() {
        #expect(Contact.isNumber("+4942112345678"))
        for wrong in ["042112345", "+49 421", "+1", "+12345678901234567", "+494211234567a", ""] {
            #expect(!Contact.isNumber(wrong), "\(wrong)")
        }
    }
}
