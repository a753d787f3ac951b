/// The texts that come with Usher, for promoters who write none.
enum BuiltInTemplates {
    static let all: [MessageTemplate.Key: MessageTemplate] = {
        let texts: [(kind: String, locale: String, subject: String, body: String, sms: String)] = [
            (
                "turn", "en", "Your turn: {title}",
                """
                It is your turn to buy tickets for {title} at {venue}, {city}.

                Please come in within {turn_minutes, plural, one {# minute} other {# minutes}}: {link}
                """,
                "{title}: it is your turn. Come in within {turn_minutes, plural, one {# minute} other {# minutes}}: {link}"
            ),
            (
                "turn", "de", "Sie sind dran: {title}",
                """
                Sie können jetzt Karten für {title} im {venue}, {city}, kaufen.

                Bitte kommen Sie innerhalb von {turn_minutes, plural, one {# Minute} other {# Minuten}} herein: {link}
                """,
                "{title}: Sie sind dran. Bitte innerhalb von {turn_minutes, plural, one {# Minute} other {# Minuten}}: {link}"
            ),
            (
                "nearly", "en", "Nearly your turn: {title}",
                """
                In about {minutes, plural, one {# minute} other {# minutes}} it is your turn to buy tickets for {title} at \
                {venue}, {city}. Then you have {turn_minutes, plural, one {# minute} other {# minutes}} to come in; we tell you.

                Where the line is: {link}
                """,
                "{title}: your turn is about {minutes, plural, one {# minute} other {# minutes}} away. {link}"
            ),
            (
                "nearly", "de", "Gleich sind Sie dran: {title}",
                """
                In etwa {minutes, plural, one {# Minute} other {# Minuten}} sind Sie dran, Karten für {title} im {venue}, \
                {city}, zu kaufen. Dann haben Sie {turn_minutes, plural, one {# Minute} other {# Minuten}}, um \
                hereinzukommen; wir sagen Bescheid.

                Wo die Schlange steht: {link}
                """,
                "{title}: In etwa {minutes, plural, one {# Minute} other {# Minuten}} sind Sie dran. {link}"
            ),
            (
                "missed", "en", "You missed your turn: {title}",
                """
                Your turn to buy tickets for {title} has passed. Until {until} you can still ask to come in, and are called \
                again, before the line: {link}
                """,
                "{title}: your turn has passed. Ask to come in until {until}, and you are called again: {link}"
            ),
            (
                "missed", "de", "Sie haben Ihren Aufruf verpasst: {title}",
                """
                Ihre Zeit, Karten für {title} zu kaufen, ist verstrichen. Bis {until} können Sie noch um Einlass bitten und \
                werden dann noch einmal aufgerufen, vor der Schlange: {link}
                """,
                "{title}: Aufruf verpasst. Bitten Sie bis {until} um Einlass, dann sind Sie noch einmal dran: {link}"
            ),
            (
                "paused", "en", "Paused: {title}",
                """
                The sale of tickets for {title} pauses, and that takes longer. Your place in line and your turn stay yours, and \
                stand still meanwhile; what you have reserved can be paid for as before. Why, and when it goes on: {link}
                """,
                "{title}: the sale pauses. Your place stays yours. {link}"
            ),
            (
                "paused", "de", "Unterbrochen: {title}",
                """
                Der Verkauf der Karten für {title} ist für länger unterbrochen. Ihr Platz in der Schlange und Ihr Aufruf bleiben \
                Ihnen, und die Zeit dafür steht still; was Sie reserviert haben, können Sie wie sonst bezahlen. Warum, und wann \
                es weitergeht: {link}
                """,
                "{title}: Verkauf unterbrochen. Ihr Platz bleibt Ihnen. {link}"
            ),
            (
                "drawn", "en", "Your number: {title}",
                """
                The draw for {title} is made: your number is {number}. You will be called by it; we tell you when.

                How the draw can be checked, and where the line is: {link}
                """,
                "{title}: your number is {number}. {link}"
            ),
            (
                "drawn", "de", "Ihre Nummer: {title}",
                """
                Für {title} ist gelost: Sie haben die Nummer {number}. Nach ihr werden Sie aufgerufen, und wir sagen Bescheid.

                Wie man die Auslosung prüft, und wo die Schlange steht: {link}
                """,
                "{title}: Sie haben die Nummer {number}. {link}"
            ),
            (
                "rescheduled", "en", "Changed: {title}",
                """
                {title} has changed. It is at {venue}, {city}; the waiting room opens {opens}, and the sale begins {starts}.

                Your place in line stays yours: {link}
                """,
                "{title} has changed: {venue}, {city}, sale from {starts}. Your place stays yours. {link}"
            ),
            (
                "rescheduled", "de", "Geändert: {title}",
                """
                {title} hat sich geändert: {venue}, {city}. Der Warteraum öffnet {opens}, der Verkauf beginnt {starts}.

                Ihr Platz in der Schlange bleibt Ihnen: {link}
                """,
                "{title} geändert: {venue}, {city}, Verkauf ab {starts}. Ihr Platz bleibt Ihnen. {link}"
            ),
            (
                "cancelled", "en", "Called off: {title}",
                """
                The sale of tickets for {title} was called off. What you have paid is on its way back, without your doing \
                anything.
                """,
                "{title}: the sale was called off. What you have paid is on its way back."
            ),
            (
                "cancelled", "de", "Abgesagt: {title}",
                """
                Der Verkauf der Karten für {title} wurde abgesagt. Was Sie bezahlt haben, wird von selbst erstattet.
                """,
                "{title}: Verkauf abgesagt. Was Sie bezahlt haben, wird erstattet."
            ),
            (
                "sold", "en",
                "Your {quantity, plural, one {ticket} other {# tickets}} for {title}",
                """
                Thank you. You have {quantity, plural, one {# ticket} other {# tickets}} ({tier}) for {title} at {venue}, {city}.

                Paid: {total}. Reservation: {reservation}.
                """,
                "{title}: {quantity, plural, one {# ticket} other {# tickets}} bought ({tier}), {total}. {reservation}"
            ),
            (
                "sold", "de",
                "Ihre {quantity, plural, one {Karte} other {# Karten}} für {title}",
                """
                Vielen Dank. Sie haben {quantity, plural, one {# Karte} other {# Karten}} ({tier}) für {title} im {venue}, {city}.

                Bezahlt: {total}. Reservierung: {reservation}.
                """,
                "{title}: {quantity, plural, one {# Karte} other {# Karten}} gekauft ({tier}), {total}. {reservation}"
            ),
            (
                "expiring", "en", "Your hold is about to end: {title}",
                """
                In about {minutes, plural, one {# minute} other {# minutes}} the time to pay for \
                {quantity, plural, one {# ticket} other {# tickets}} ({tier}) for {title} is over, and they are given back. \
                Pay for them at {link}
                """,
                "{title}: your hold ends in about {minutes, plural, one {# minute} other {# minutes}}. {link}"
            ),
            (
                "expiring", "de", "Ihre Reservierung läuft gleich ab: {title}",
                """
                In etwa {minutes, plural, one {# Minute} other {# Minuten}} ist die Zeit um, \
                {quantity, plural, one {# Karte} other {# Karten}} ({tier}) für {title} zu bezahlen, und sie werden \
                zurückgegeben. Hier können Sie bezahlen: {link}
                """,
                "{title}: Ihre Reservierung läuft in etwa {minutes, plural, one {# Minute} other {# Minuten}} ab. {link}"
            ),
            (
                "expired", "en", "Your hold has ended: {title}",
                """
                The time to pay for {quantity, plural, one {# ticket} other {# tickets}} ({tier}) for {title} is over, and \
                they were given back. Nothing was charged.
                """,
                "{title}: the time to pay is over and the tickets were given back. Nothing was charged."
            ),
            (
                "expired", "de", "Ihre Reservierung ist abgelaufen: {title}",
                """
                Die Zeit, {quantity, plural, one {# Karte} other {# Karten}} ({tier}) für {title} zu bezahlen, ist um, und \
                sie wurden zurückgegeben. Es wurde nichts abgebucht.
                """,
                "{title}: Die Zeit zum Bezahlen ist um, die Karten sind zurückgegeben. Es wurde nichts abgebucht."
            ),
            (
                "refunded", "en", "Your money is on its way back: {title}",
                """
                {quantity, plural, one {# ticket} other {# tickets}} ({tier}) for {title} were refunded: {total}.
                """,
                "{title}: refunded {total}."
            ),
            (
                "refunded", "de", "Sie erhalten Ihr Geld zurück: {title}",
                """
                {quantity, plural, one {# Karte} other {# Karten}} ({tier}) für {title} wurden erstattet: {total}.
                """,
                "{title}: {total} erstattet."
            ),
            (
                "payment_declined", "en", "Your payment was declined: {title}",
                """
                The payment of {total} for {title} was declined. Your tickets are still held for a moment: try again at {link}
                """,
                "{title}: payment declined, try again at once: {link}"
            ),
            (
                "payment_declined", "de", "Ihre Zahlung wurde abgelehnt: {title}",
                """
                Die Zahlung von {total} für {title} wurde abgelehnt. Ihre Karten sind noch kurz reserviert: {link}
                """,
                "{title}: Zahlung abgelehnt, bitte gleich noch einmal: {link}"
            ),
        ]
        var all: [MessageTemplate.Key: MessageTemplate] = [:]
        for text in texts {
            let footer = text.locale == "de" ? "Keine weiteren Nachrichten" : "No more messages"
            for channel in MessageTemplate.Channel.allCases {
                let key = MessageTemplate.Key(kind: text.kind, channel: channel, locale: text.locale)
                all[key] = MessageTemplate(
                    key: key,
                    version: 0,
                    subject: channel == .email ? text.subject : "",
                    body: channel == .email ? "\(text.body)\n\n\(footer): {unsubscribe}\n" : text.sms
                )
            }
        }
        return all
    }()

    /// The kinds that people can be told of.
    static let kinds = Set(all.keys.map(\.kind)).sorted()
}
