import Jobs
import Postgres
import Reactor
import Testing

@testable import BoxOffice

/// From a place that is called, or a ticket that is sold, to the words that its buyer reads.
@Suite(.timeLimit(.minutes(5)))
struct MessageTests {
    /// Keeps letters, and refuses those to addresses that begin with `refused`.
    private final class Letters: PersonalChannel {
        private let kept = Lock<[Letter]>([])
        var all: [Letter] { kept.withLock { $0 } }

        func send(_ letter: Letter) async throws {
            if letter.to.hasPrefix("refused") { throw MessageRefused("nobody of that name") }
            kept.withLock { $0.append(letter) }
        }
    }

    private struct Post {
        let letters = Letters()
        let machines = Mailbox()

        /// Letters that tell of a turn.
        var turns: [Letter] {
            letters.all.filter {
                !$0.subject.hasPrefix("Your number") && !$0.subject.hasPrefix("Ihre Nummer")
            }
        }

        func channel(_ postgres: PostgresClient, base: String? = "https://tickets.example") -> ChannelSet {
            ChannelSet(
                machines: machines,
                people: [.email: letters],
                links: MessageLinks(base: base, postgres: postgres)
            )
        }
    }

    private func contact(
        _ room: RoomFixture,
        _ place: AdmissionRequest,
        _ address: String,
        _ locale: String
    ) async throws {
        let contact = try #require(Contact(channel: .email, address: address, locale: locale))
        let isKept = try await Contacts(postgres: room.postgres).put(
            contact,
            onSale: room.onSale,
            arrival: place.arrival,
            place: place.place
        )
        #expect(isKept)
    }

    private func states(_ room: RoomFixture, _ kind: String? = nil) async throws -> [String] {
        try await room.postgres.query(
            Query(
                "test.states",
                """
                SELECT coalesce(template, '-') || ' ' || state FROM notifications
                WHERE kind = coalesce(\(kind), kind) ORDER BY arrival
                """
            )
        ).map { try $0[0] }
    }

    @Test func `Whoever is called is told in their language, unless they don't want to be`() async throws {
        try await RoomFixture.with { room in
            let post = Post()
            try await room.open()
            let places = try await room.join(["a", "b", "c", "d", "e"])
            try await contact(room, places[0], "a@example.org", "de-AT")
            try await contact(room, places[1], "b@example.org", "tlh")
            try await contact(room, places[2], "c@example.org", "en")
            try await contact(room, places[3], "refused@example.org", "en")
            let keys = try await SigningKeys.load(from: room.postgres)
            let token = try UnsubscribeToken(
                UnsubscribeToken(onSale: room.onSale, arrival: places[2].arrival).signed(with: keys),
                keys: keys
            )
            let contacts = Contacts(postgres: room.postgres)
            for _ in 0..<2 { try await contacts.unsubscribe(token) }
            try await room.working(telling: post.channel(room.postgres)) {
                try await room.pass(.seconds(1800))
                try await room.reaches { $0.serving == 5 }
                try await room.eventually { try await states(room).allSatisfy { !$0.hasSuffix("pending") } }
            }
            #expect(
                try await states(room, "turn") == [
                    "turn/email/de/0 sent", "turn/email/en/0 sent", "turn/email/en/0 failed",
                ]
            )
            let letters = post.turns.sorted { $0.to < $1.to }
            #expect(letters.map(\.to) == ["a@example.org", "b@example.org"])
            #expect(letters[0].subject == "Sie sind dran: Evening")
            #expect(
                letters[0].body.contains(
                    "innerhalb von 1 Minute herein: https://tickets.example/on-sales/os_"
                )
            )
            #expect(letters[0].unsubscribe.hasPrefix("https://tickets.example/unsubscribe/un_"))
            #expect(letters[0].body.contains(letters[0].unsubscribe))
            #expect(letters[1].body.contains("within 1 minute:"))
            #expect(post.machines.delivered.isEmpty)
            let failed = try await Notifications(postgres: room.postgres).failed(before: nil, limit: 10)
            #expect(failed.map(\.detail) == ["nobody of that name", "nobody of that name"])
            #expect(failed.map(\.kind).sorted() == ["drawn", "turn"])
        }
    }

    @Test func `Everyone is told their number, and what is newest of a change`() async throws {
        try await RoomFixture.with { room in
            let post = Post()
            try await room.open()
            // More than a page of them.
            let places = try await room.join((0..<210).map { "buyer \($0)" })
            for (index, place) in places.enumerated() {
                try await contact(room, place, "\(index)@example.org", index == 0 ? "de" : "en")
            }
            func patch(_ json: String) async throws {
                _ = try await room.onSales.patch(room.onSale, json: Array(json.utf8), by: "test")
            }
            try await patch(#"{"venue": "Barn"}"#)
            // Nobody has to hear of this.
            try await patch(#"{"rate_per_minute": 6000}"#)
            try await patch(#"{"city": "Leer"}"#)
            try await room.working(telling: post.channel(room.postgres)) {
                try await room.eventually {
                    try await states(room).count { $0 == "rescheduled/email/en/0 sent" } == 209
                }
                #expect(post.letters.all.count == 210)
                #expect(post.letters.all.allSatisfy { $0.body.contains("Barn, Leer") })
                // The first telling was not worth it any more, or had nobody left to tell.
                try await room.pass(.seconds(1800))
                try await room.eventually { try await states(room).contains("drawn/email/de/0 sent") }
                try await room.eventually { try await states(room).count { $0.hasPrefix("drawn") } == 210 }
                let number = try #require(try await room.view(places[0]).number)
                try await room.eventually {
                    post.letters.all.contains {
                        $0.subject == "Ihre Nummer: Evening" && $0.body.contains("Nummer \(number)")
                    }
                }
                try await room.onSales.cancel(room.onSale, by: "test", reason: "rain")
                try await room.eventually {
                    try await states(room).count { $0.hasPrefix("cancelled") && $0.hasSuffix("sent") } == 210
                }
            }
            #expect(
                Set(try await states(room).filter { $0.hasSuffix("dropped") }).isSubset(of: ["- dropped"])
            )
        }
    }

    @Test func `A written text takes the place of the built-in one, and a replay uses what holds then`()
        async throws
    {
        try await RoomFixture.with { room in
            let (post, holder) = (Post(), APIKeys.Holder(id: 1, role: .operator, label: "test"))
            let key = MessageTemplate.Key(kind: "turn", channel: .email, locale: "en")
            let templates = MessageTemplates(postgres: room.postgres)
            func write(_ body: String) async throws -> Int {
                let template = MessageTemplate(key: key, version: 0, subject: "s", body: body)
                return try await templates.write(template, by: holder)
            }
            #expect(try await templates.current(key)?.version == 0)
            #expect(try await write("Number {number}!") == 1)
            try await room.open()
            let places = try await room.join(["a"])
            try await contact(room, places[0], "a@example.org", "en")
            try await room.working(telling: post.channel(room.postgres)) {
                try await room.pass(.seconds(1800))
                try await room.eventually { post.turns.count == 1 }
                try await room.eventually { try await states(room, "turn") == ["turn/email/en/1 sent"] }
                #expect(try await write("Once more, {number}") == 2)
                try await contact(room, places[0], "new@example.org", "en")
                let notifications = Notifications(postgres: room.postgres)
                #expect(try await notifications.replay(post.turns[0].id, by: holder))
                try await room.eventually { post.turns.count == 2 }
                #expect(try await !notifications.replay(999_999, by: holder))
            }
            #expect(post.turns.map(\.body) == ["Number 1!", "Once more, 1"])
            #expect(post.turns.map(\.to) == ["a@example.org", "new@example.org"])
            #expect(post.turns[0].id == post.turns[1].id)
            #expect(try await room.offenders() == [])
        }
    }

    @Test func `What a buyer bought is told where they said, else to the machines`() async throws {
        try await withBoxOffice { office in
            let mailed = try #require(try await office.hold(office.house.request(1, 2, of: "floor")))
            let other = try #require(try await office.hold(office.house.request(2, 1, of: "floor")))
            // A house has stock, and nothing of an on-sale.
            try await office.client.execute(
                Query(
                    "test.on_sale",
                    """
                    INSERT INTO on_sales (on_sale_id, title, venue, city, currency, opens_at, starts_at, closes_at,
                        rate_per_minute, active_limit, turn_seconds, session_seconds, plan, entry_salt, draw_secret,
                        commitment, created_at)
                    OVERRIDING SYSTEM VALUE
                    SELECT on_sale_id, 'Evening', 'Hall', 'Bremen', 'EUR', now(), now(), now() + interval '1 day', 1, 1,
                        1, 1, '{}', sha256(''), sha256(''), sha256(''), now()
                    FROM admissions WHERE admission_id = 1
                    """
                )
            )
            try await office.client.execute(
                Query(
                    "test.contact",
                    """
                    INSERT INTO contacts (on_sale_id, arrival, channel, address, locale, agreed_at)
                    SELECT on_sale_id, arrival, 'email', 'a@example.org', 'de', usher_now()
                    FROM admissions WHERE admission_id = 1
                    """
                )
            )
            for (buyer, hold) in [(Int64(1), mailed), (2, other)] {
                _ = try await office.reservations.checkout(
                    hold.reservation,
                    admission: AdmissionID(rawValue: buyer),
                    method: "good"
                )
            }
            try await office.eventually("both told") { office.mail.delivered.count == 2 }
            let told = office.mail.delivered
            let route = try #require(told.first { $0.route != nil }?.route)
            #expect(
                route.address == "a@example.org" && route.locale == "de" && route.numbers["quantity"] == 2
            )
            #expect(route.texts["total"]?.hasSuffix(".00 EUR") == true, "\(route.texts)")
            #expect(told.contains { $0.route == nil && $0.kind == "sold" })
        }
    }

    @Test func `Addresses are forgotten when a place is left, and a month after the sale`() async throws {
        try await RoomFixture.with { room in
            try await room.open()
            let places = try await room.join(["a", "b"])
            for place in places { try await contact(room, place, "a@example.org", "en") }
            func count() async throws -> Int {
                try await room.postgres.query(Query("test.count", "SELECT count(*) FROM contacts"))[0][0]
            }
            _ = try await room.places.leave(room.onSale, arrival: places[0].arrival, place: places[0].place)
            #expect(try await count() == 1)
            #expect(try await !Upkeep.forgetContacts(in: room.postgres))
            #expect(try await count() == 1)
            try await room.pass(.seconds(32 * 86_400))
            _ = try await Upkeep.forgetContacts(in: room.postgres)
            #expect(try await count() == 0)
            let unknown = try await Contacts(postgres: room.postgres).put(
                try #require(Contact(channel: .sms, address: "+4942112345678", locale: "en")),
                onSale: room.onSale,
                arrival: 1,
                place: .random()
            )
            #expect(!unknown)
        }
    }
}
