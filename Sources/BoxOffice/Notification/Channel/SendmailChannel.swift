internal import Foundation
internal import Postgres

/// Hands letters to the system's `sendmail`, which queues them and knows where they go.
package struct SendmailChannel: PersonalChannel {
    private let program: String
    private let from: String

    /// - Parameters:
    ///   - program: such as `/usr/sbin/sendmail`.
    ///   - from: the sender's address.
    package init(program: String = "/usr/sbin/sendmail", from: String) {
        self.program = program
        self.from = from
    }

    package func send(_ letter: Letter) async throws {
        let mail = Self.mail(letter, from: from, at: .now)
        let process = Process()
        process.executableURL = URL(filePath: program)
        // The recipient is an argument, after the end of the options, and nothing in the text is taken for one.
        process.arguments = ["-i", "-f", from, "--", letter.to]
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        let (statuses, ended) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            ended.yield(process.terminationStatus)
            ended.finish()
        }
        do { try process.run() } catch { throw MailFailed(description: "\(program) can't be started") }
        // A program that ends early leaves the rest unread; its status says why.
        try? input.fileHandleForWriting.write(contentsOf: Data(mail.utf8))
        try? input.fileHandleForWriting.close()
        for await status in statuses where status != 0 {
            // EX_NOUSER, EX_NOHOST and EX_DATAERR stay as they are; the rest may pass.
            if [65, 67, 68].contains(status) { throw MessageRefused("sendmail ended with \(status)") }
            throw MailFailed(description: "sendmail ended with \(status)")
        }
    }

    /// The letter as a message.
    ///
    /// Source: RFC 5322, RFC 2047, RFC 8058.
    ///
    /// Subject and body are base 64, so that no text of theirs can become a header or a line that is too long.
    static func mail(_ letter: Letter, from: String, at now: PostgresTimestamp) -> String {
        let domain = from.split(separator: "@").last ?? "localhost"
        var headers = [
            "From: <\(from)>", "To: <\(letter.to)>", "Subject: \(encodedWords(letter.subject))",
            "Date: \(date(now))", "Message-ID: <usher-\(letter.id)@\(domain)>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
        ]
        if !letter.unsubscribe.isEmpty {
            headers.append("List-Unsubscribe: <\(letter.unsubscribe)>")
            headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
        }
        let body = Data(letter.body.utf8).base64EncodedString(options: [
            .lineLength76Characters, .endLineWithLineFeed,
        ])
        return headers.joined(separator: "\n") + "\n\n" + body + "\n"
    }

    /// At most 39 bytes to a word, so that no line is longer than 76 characters, the header's name included.
    private static func encodedWords(_ text: String) -> String {
        var words: [[UInt8]] = [[]]
        for character in text {
            let bytes = Array(character.utf8)
            if words[words.count - 1].count + bytes.count > 39 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: "\n ")
    }

    private static func date(_ now: PostgresTimestamp) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
        return formatter.string(from: Date(timeIntervalSince1970: Double(now.microseconds / 1_000_000)))
    }
}

/// The system's mail program did not take a letter, and may take it later.
package struct MailFailed: Error, Sendable, CustomStringConvertible {
    package let description: String
}
