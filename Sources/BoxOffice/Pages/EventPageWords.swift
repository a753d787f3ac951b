/// What the event page says, in one language: the languages are those of the line's page.
struct EventPageWords: Sendable {
    /// As BCP 47 names it.
    let language: String
    /// The language's name in itself.
    let name: String
    var direction = "ltr"
    /// The word for a choice of languages.
    let languages: String
    /// Title and text of the state; texts have the gaps `{opens}`, `{starts}` and `{closes}`.
    let states: [String: (title: String, text: String)]
    /// What leads to the line, before and while it moves.
    let join: String
    /// What leads to the line once there may be nothing left.
    let look: String
    let fromPromoter: String
    /// When the evening is; has the gap `{event}`.
    let takesPlace: String
    let prices: String
    let left: [Availability: String]
    let map: String
    /// What the picture shows, for those who don't see it.
    let picture: String
    let sections: String

    /// Every language there is; English first.
    static let all: [Self] = [english, german, spanish, arabic, japanese]

    private static let english = Self(
        language: "en",
        name: "English",
        languages: "Language",
        states: [
            "scheduled": ("Not open yet", "The waiting room opens on {opens}. The sale begins on {starts}."),
            "prequeue": (
                "The waiting room is open",
                "The sale begins on {starts}. Everyone who is in line by then has the same chance."
            ),
            "admitting": ("On sale now", "Join the line to buy tickets, until {closes}."),
            "paused": ("The line is pausing", "Everyone keeps their place, and you can still join."),
            "sold_out": ("Sold out", "Tickets that come back go to the waitlist, until {closes}."),
            "closed": ("The sale is over", "No more tickets are sold here."),
        ],
        join: "Join the line",
        look: "Go to the line",
        fromPromoter: "From the promoter",
        takesPlace: "On {event}",
        prices: "Tickets and prices",
        left: [.many: "Many left", .few: "Few left", .nothing: "None left now"],
        map: "Seats",
        picture: "The seats by section. What is left of each section is said below.",
        sections: "Sections"
    )

    private static let german = Self(
        language: "de",
        name: "Deutsch",
        languages: "Sprache",
        states: [
            "scheduled": (
                "Noch nicht geöffnet", "Der Warteraum öffnet am {opens}. Der Verkauf beginnt am {starts}."
            ),
            "prequeue": (
                "Der Warteraum ist offen",
                "Der Verkauf beginnt am {starts}. Alle, die bis dahin anstehen, haben dieselbe Chance."
            ),
            "admitting": ("Der Verkauf läuft", "Stellen Sie sich an, um Karten zu kaufen, bis {closes}."),
            "paused": (
                "Die Schlange macht Pause", "Alle behalten ihren Platz, und Sie können sich noch anstellen."
            ),
            "sold_out": ("Ausverkauft", "Was zurückkommt, geht an die Warteliste, bis {closes}."),
            "closed": ("Der Verkauf ist vorbei", "Hier werden keine Karten mehr verkauft."),
        ],
        join: "Anstellen",
        look: "Zur Warteschlange",
        fromPromoter: "Vom Veranstalter",
        takesPlace: "Am {event}",
        prices: "Karten und Preise",
        left: [.many: "Viele da", .few: "Nur noch wenige", .nothing: "Zurzeit keine da"],
        map: "Plätze",
        picture: "Die Plätze nach Blöcken. Was von jedem Block noch da ist, steht darunter.",
        sections: "Blöcke"
    )

    private static let spanish = Self(
        language: "es",
        name: "Español",
        languages: "Idioma",
        states: [
            "scheduled": (
                "Todavía no está abierta", "La sala de espera abre el {opens}. La venta empieza el {starts}."
            ),
            "prequeue": (
                "La sala de espera está abierta",
                "La venta empieza el {starts}. Quien esté en la cola para entonces tiene la misma oportunidad."
            ),
            "admitting": ("A la venta", "Póngase a la cola para comprar entradas, hasta el {closes}."),
            "paused": ("La cola está en pausa", "Todos conservan su puesto, y aún puede ponerse a la cola."),
            "sold_out": ("Agotado", "Lo que se devuelva irá a la lista de espera, hasta el {closes}."),
            "closed": ("La venta ha terminado", "Aquí ya no se venden entradas."),
        ],
        join: "Ponerse a la cola",
        look: "Ir a la cola",
        fromPromoter: "Del organizador",
        takesPlace: "El {event}",
        prices: "Entradas y precios",
        left: [.many: "Quedan muchas", .few: "Quedan pocas", .nothing: "Ahora no quedan"],
        map: "Asientos",
        picture: "Los asientos por sectores. Debajo se dice lo que queda de cada uno.",
        sections: "Sectores"
    )

    private static let arabic = Self(
        language: "ar",
        name: "العربية",
        direction: "rtl",
        languages: "اللغة",
        states: [
            "scheduled": ("لم يُفتح بعد", "تُفتح غرفة الانتظار في {opens}. يبدأ البيع في {starts}."),
            "prequeue": (
                "غرفة الانتظار مفتوحة",
                "يبدأ البيع في {starts}. لكل من يكون في الطابور حتى ذلك الحين الفرصة نفسها."
            ),
            "admitting": ("البيع جارٍ الآن", "انضم إلى الطابور لشراء التذاكر، حتى {closes}."),
            "paused": ("الطابور متوقف مؤقتًا", "يحتفظ الجميع بأماكنهم، ولا يزال بإمكانك الانضمام."),
            "sold_out": ("نفدت التذاكر", "ما يعود من التذاكر يذهب إلى قائمة الانتظار، حتى {closes}."),
            "closed": ("انتهى البيع", "لم تعد التذاكر تُباع هنا."),
        ],
        join: "انضم إلى الطابور",
        look: "إلى الطابور",
        fromPromoter: "من المنظّم",
        takesPlace: "في {event}",
        prices: "التذاكر والأسعار",
        left: [.many: "متوفر الكثير", .few: "بقي القليل", .nothing: "لا شيء متوفر الآن"],
        map: "المقاعد",
        picture: "المقاعد بحسب الأقسام. ما تبقى من كل قسم مذكور أدناه.",
        sections: "الأقسام"
    )

    private static let japanese = Self(
        language: "ja",
        name: "日本語",
        languages: "言語",
        states: [
            "scheduled": ("まだ開いていません", "待合室は{opens}に開きます。販売は{starts}に始まります。"),
            "prequeue": ("待合室が開いています", "販売は{starts}に始まります。それまでに並んだ方は全員同じ確率です。"),
            "admitting": ("販売中", "列に並んでチケットを購入できます（{closes}まで）。"),
            "paused": ("列は一時停止中です", "全員の順番は保たれます。今からでも並べます。"),
            "sold_out": ("売り切れ", "戻ったチケットはキャンセル待ちに回ります（{closes}まで）。"),
            "closed": ("販売は終了しました", "ここではもう販売していません。"),
        ],
        join: "列に並ぶ",
        look: "列を見る",
        fromPromoter: "主催者より",
        takesPlace: "開催日時：{event}",
        prices: "チケットと価格",
        left: [.many: "余裕あり", .few: "残りわずか", .nothing: "現在なし"],
        map: "座席",
        picture: "ブロックごとの座席。各ブロックの残りは下に書かれています。",
        sections: "ブロック"
    )
}
