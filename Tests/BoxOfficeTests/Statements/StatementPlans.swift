import TestSupport

/// What each statement may do on a ``SeededSale``.
enum StatementPlans {
    ///
    /// Nobody looks into more than one part of a table that is cut by on-sale or by time, unless it is said here.
    static let all = (onSales + room + admission + ticks + stock + reservations + payments + engine + upkeep)
        .map { $0.within(parts: 1) }

    private static let onSales = [
        StatementPlan("on_sale.lock", ["on_sales_pkey"]),
        StatementPlan("on_sale.open", ["on_sales_pkey"]),
        StatementPlan("on_sale.open_door", ["arrivals_pkey"]),
        StatementPlan("on_sale.close", ["on_sales_pkey"]),
        StatementPlan("on_sale.shut_door", ["arrivals_pkey"]),
        StatementPlan("on_sale.pause", ["on_sales_pkey"]),
        StatementPlan("on_sale.resume", ["on_sales_pkey"]),
        StatementPlan("on_sale.stop", ["on_sales_pkey"]),
        StatementPlan("on_sale.fail_open", ["on_sales_pkey"]),
        StatementPlan("on_sale.rate", ["on_sales_pkey"]),
        StatementPlan("on_sale.message", ["on_sales_pkey"]),
        StatementPlan("on_sale.cancel", ["on_sales_pkey"]),
        StatementPlan("on_sale.revision", ["on_sales_pkey"]),
        StatementPlan("on_sale.patch", ["on_sales_pkey"]),
        StatementPlan("on_sale.find", ["on_sales_pkey", "arrivals_pkey"]),
        StatementPlan("on_sale.salt", ["on_sales_pkey"]),
        StatementPlan("on_sale.list", ["on_sales_pkey"]),
        StatementPlan("on_sale.insert", []),
        StatementPlan("on_sale.scheduled", ["on_sales_pkey"]),
        // Looks at the state of each on-sale, and at no more of those that are over.
        StatementPlan(
            "on_sale.status",
            ["tiers_pkey"],
            rows: 350,
            whole: ["on_sales"],
            parts: 4
        ),
        StatementPlan("on_sale.status_of", ["on_sales_pkey", "tiers_pkey"], rows: 100),
        // All turns, sessions and reservations of the on-sale, which are most of their tables here.
        StatementPlan(
            "certificate.line",
            ["arrivals_pkey", "turns_pkey"],
            rows: 12_000,
            whole: ["admissions"]
        ),
        StatementPlan("certificate.stock", ["tiers_pkey"], rows: 12_000, whole: ["reservations"], parts: 3),
        // The same rows, at each look of a desk and at each sample.
        StatementPlan(
            "sale.numbers",
            ["on_sales_pkey", "arrivals_pkey", "turns_pkey", "tiers_pkey"],
            rows: 12_000,
            whole: ["admissions"]
        ),
        StatementPlan("minutes.count", [], rows: 1),
        StatementPlan("pages.begin", ["on_sales_pkey"], rows: 10),
        StatementPlan("pages.event", ["on_sales_pkey"], rows: 10),
        StatementPlan("pages.find", ["rendered_pages_pkey"], rows: 10),
        StatementPlan("pages.known", ["rendered_pages_pkey"], rows: 20),
        StatementPlan("pages.write", []),
        StatementPlan("pages.latest", ["page_renderings_pkey"], rows: 10),
        StatementPlan("purges.ask", []),
        StatementPlan("purges.due", ["page_purges_due"], rows: 10),
        StatementPlan("purges.next", ["page_purges_due"], rows: 5),
        StatementPlan("purges.settle", ["page_purges_pkey"], rows: 20),
        StatementPlan("minutes.read", ["sale_minutes_pkey"], rows: 3000),
        StatementPlan("sale_sample.series", ["sale_samples_pkey"], rows: 3100),
        StatementPlan("certificate.chain", ["audit_entries_pkey"], rows: 2100, parts: 3),
        StatementPlan("audit.append", [], rows: 1),
        StatementPlan("operator_log.page", ["audit_entries_pkey"], rows: 40, parts: 3),
    ]

    private static let room = [
        StatementPlan("join.doors", ["arrivals_pkey"]),
        StatementPlan("join.known", ["places_on_sale_id_buyer_idx"]),
        StatementPlan("join.codes", ["presale_codes_pkey"]),
        StatementPlan("join.invited", ["invitations_pkey"]),
        StatementPlan("join.claim_codes", ["presale_codes_pkey"]),
        // In an on-sale that was just made, so that either index finds its few places.
        StatementPlan("join.upgrade", ["places_pkey"], rows: 10),
        // All codes of the group.
        StatementPlan("presale.counts", ["presale_codes_pkey", "invitations_pkey"], rows: 2100),
        StatementPlan("presale.revoke", ["presale_codes_pkey"], rows: 2100),
        StatementPlan("presale.group", ["on_sales_pkey"]),
        StatementPlan("presale.add_codes", []),
        StatementPlan("presale.invite", []),
        StatementPlan("draw.groups", []),
        StatementPlan("draw.priorities", []),
        StatementPlan("join.insert", ["arrivals_pkey"]),
        StatementPlan("draw.lock", ["arrivals_pkey"]),
        StatementPlan("draw.seal", ["on_sales_pkey"]),
        StatementPlan("draw.promise", []),
        StatementPlan("draw.promise_again", []),
        StatementPlan("draw.ceremony", ["on_sales_pkey"]),
        StatementPlan("draw.read", ["on_sales_pkey"]),
        StatementPlan("draw.now", []),
        StatementPlan("draw.root", ["on_sales_pkey"]),
        StatementPlan("draw.rooted", []),
        StatementPlan("draw.root_of", ["on_sales_pkey"]),
        StatementPlan("draw.filing", ["on_sales_pkey"]),
        StatementPlan("draw.keep_secret", ["on_sales_pkey"]),
        StatementPlan("draw.revealed", []),
        StatementPlan("draw.take_beacon", []),
        StatementPlan("draw.flags", []),
        StatementPlan("draw.publish", ["on_sales_pkey"]),
        // A page of all entries.
        StatementPlan("draw.entries", ["places_pkey"], rows: 20_000),
        StatementPlan("place.lock", ["places_pkey", "on_sales_pkey"]),
        StatementPlan("place.leave", ["places_pkey"]),
        StatementPlan("place.read", ["places_pkey", "admissions_one_per_place", "on_sales_pkey"]),
        StatementPlan("place.turn", ["turns_pkey"], rows: 1),
    ]

    private static let admission = [
        StatementPlan("admission.read", ["places_pkey", "admissions_one_per_place", "turns_pkey"]),
        // As many as may be inside.
        StatementPlan("admission.count", ["admissions_live"], rows: 1000),
        StatementPlan("admission.insert", []),
        StatementPlan("admission.mark", ["places_pkey"]),
        // Of an on-sale without sessions.
        StatementPlan("admissions.end_all", ["admissions_live"]),
        StatementPlan("admission.leave", ["admissions_one_per_place"]),
        StatementPlan("admissions.extend", ["admissions_live"], rows: 1000),
        StatementPlan("turns.extend", ["turns_open"]),
        // Those that are open, which are few of the on-sale's.
        StatementPlan("reoffers.ask", ["turns_pkey", "reoffers_pkey"]),
        StatementPlan("reoffers.came", ["reoffers_one_open"]),
        StatementPlan("reoffers.leave", ["reoffers_one_open"]),
        StatementPlan("reoffers.extend", [], rows: 100),
        StatementPlan("waitlist.read", ["places_pkey", "admissions_one_per_place"]),
        StatementPlan("waitlist.insert", ["reoffers_pkey"]),
        StatementPlan("waitlist.positions", ["reoffers_open"], rows: 100),
        StatementPlan("waitlist.stock", ["tiers_pkey"]),
        // Those that are open, and as many as may be inside.
        StatementPlan("waitlist.spots", ["admissions_live"], rows: 1000),
    ]

    /// Bounded by who is inside, and by the turns that are open.
    private static let ticks = [
        StatementPlan("tick.note", ["on_sales_pkey"]),
        StatementPlan("tick.settle", ["turns_open", "places_on_sale_id_number_idx"], rows: 1000),
        StatementPlan("tick.ending", ["admissions_live", "reservations_by_admission"], rows: 1000, parts: 3),
        StatementPlan("tick.end", ["admissions_pkey", "reservations_by_admission"], rows: 1000, parts: 3),
        StatementPlan(
            "tick.numbers",
            [
                "admissions_live", "turns_open", "places_on_sale_id_number_idx", "reservations_by_admission",
                "tiers_pkey",
            ],
            rows: 1000,
            parts: 3
        ),
        StatementPlan("tick.gone", ["places_pkey"], rows: 500),
        StatementPlan("tick.absent", ["places_pkey"], rows: 500),
        StatementPlan("reoffers.settle", [], rows: 100),
        StatementPlan("reoffers.count", [], rows: 100),
        StatementPlan("reoffers.call", ["reoffers_open"], rows: 100),
        StatementPlan("reoffers.fitting", [], rows: 100),
        StatementPlan("tick.advance", ["on_sales_pkey"]),
        StatementPlan("tick.turn", []),
        StatementPlan("tick.nap", ["on_sales_pkey"]),
        StatementPlan("tick.run", ["job_keys_pkey"]),
        StatementPlan("tick.naps", ["on_sales_pkey"]),
        StatementPlan("tick.sold_out", ["on_sales_pkey"]),
        StatementPlan("tick.shut_door", ["arrivals_pkey"]),
    ]

    private static let stock = [
        StatementPlan("stock.install_rules", []),
        StatementPlan("stock.install_tiers", []),
        StatementPlan("stock.install_sections", []),
        StatementPlan("stock.install_seats", []),
        StatementPlan("stock.tiers", ["tiers_pkey"]),
        // All seats of the on-sale, which are most of its partition.
        StatementPlan("stock.seats", [], rows: 20_000, whole: ["seats"]),
        StatementPlan("seats.change", ["seats_pkey"]),
        StatementPlan("stock.install_groups", []),
        StatementPlan("tiers.openings", ["tiers_pkey"]),
        StatementPlan("tiers.open", ["tiers_pkey"]),
        StatementPlan("on_sale.tiers_opened", ["on_sales_pkey"]),
        StatementPlan("tiers.move", ["tiers_pkey"]),
        StatementPlan("tiers.lock", ["tiers_pkey"]),
    ]

    private static let reservations = [
        StatementPlan("hold.lock_admissions", ["admissions_pkey"]),
        StatementPlan("hold.count", ["reservations_by_admission"], parts: 3),
        StatementPlan("hold.rules", []),
        StatementPlan("hold.tiers", ["tiers_pkey"]),
        StatementPlan("hold.answers", ["idempotency_keys_pkey"]),
        StatementPlan("hold.find_seats", ["seats_on_sale_id_label_idx"]),
        // All seats of one tier: the picker weighs them against each other.
        StatementPlan(
            "hold.free_seats",
            ["seats_on_sale_id_tier_section_idx", "sections_pkey"],
            rows: 3950
        ),
        StatementPlan("hold.lock_seats", ["seats_pkey"]),
        StatementPlan("hold.insert", []),
        StatementPlan("hold.remember", []),
        StatementPlan("reservations.view", ["reservations_pkey", "seats_pkey"]),
        StatementPlan("reservations.watch", ["reservations_pkey", "seats_pkey"]),
        StatementPlan("reservations.extend", ["reservations_pkey"]),
        StatementPlan("reservations.lock", ["reservations_pkey"]),
        StatementPlan("reservations.change", ["reservations_pkey"]),
        StatementPlan("cancel.page", ["reservations_by_admission"], rows: 400, parts: 3),
    ]

    private static let payments = [
        StatementPlan("reservations.checkout_plan", ["reservations_pkey"]),
        StatementPlan("payments.insert", []),
        StatementPlan("payments.update", ["payments_pkey"]),
        StatementPlan("payments.lock", ["payments_pkey", "reservations_pkey"]),
        StatementPlan("refunds.find", ["reservations_pkey"]),
        StatementPlan("refunds.running", ["on_sales_pkey"]),
        StatementPlan("payments.for_people", ["payments_for_people"], parts: 3),
        StatementPlan("payments.backlog", ["payments_for_people"], parts: 3),
        StatementPlan("payments.state", ["payments_pkey"]),
        StatementPlan("refunds.look", ["payments_pkey", "reservations_pkey"]),
        StatementPlan("notifications.insert", []),
        StatementPlan("notifications.take", ["notification_keys_pkey", "notifications_pkey"]),
        // Looks at each on-sale.
        StatementPlan("expiring.on_sales", [], rows: 350, whole: ["on_sales"]),
        // All who are inside, and what they hold.
        StatementPlan(
            "expiring.holds",
            ["admissions_live", "contacts_pkey", "reservations_by_admission"],
            rows: 1000,
            parts: 3
        ),
        StatementPlan("expiring.write", []),
        StatementPlan("expiring.still_held", ["reservations_pkey"], parts: 3),
        StatementPlan("expiring.drop", ["notifications_pkey"]),
        // As many as a tick calls, ends the turns of, and finds near.
        StatementPlan("notifications.places", ["contacts_pkey"], rows: 1000),
        StatementPlan("tellings.page", ["contacts_pkey"], rows: 250),
        StatementPlan("tellings.insert", []),
        StatementPlan("tellings.draw", ["on_sales_pkey"]),
        StatementPlan("tellings.count", ["on_sales_pkey"]),
        StatementPlan(
            "notifications.contacts_of_sessions",
            ["admissions_pkey", "contacts_pkey", "on_sales_pkey"]
        ),
        StatementPlan("notifications.contacts_of_places", ["contacts_pkey", "on_sales_pkey"]),
        StatementPlan("notifications.note_template", ["notifications_pkey"]),
        StatementPlan("notifications.drop", ["notifications_pkey"]),
        StatementPlan("notifications.failed", ["notifications_failed"], parts: 3),
        StatementPlan("notifications.replay", ["notifications_pkey"]),
        StatementPlan("contacts.put", ["places_pkey"]),
        StatementPlan("contacts.remove", ["contacts_pkey"]),
        StatementPlan("contacts.forget", ["contacts_pkey"]),
        StatementPlan("contacts.unsubscribe", ["contacts_pkey"]),
        StatementPlan("templates.latest", []),
        StatementPlan("templates.add", []),
        StatementPlan("notifications.settle", ["notifications_pkey"]),
    ]

    private static let engine = [
        StatementPlan("checkpoints_load", ["checkpoints_pkey"]),
        StatementPlan("checkpoints_add", []),
        StatementPlan("checkpoints_keep", []),
        StatementPlan("checkpoints_forget", ["checkpoints_pkey"]),
        StatementPlan("events_load", ["events_pkey"]),
        StatementPlan("run_values_publish", []),
        StatementPlan("run_attributes_publish", []),
        StatementPlan("updates_count", ["events_pkey"]),
        StatementPlan("runs_fork_copies", ["checkpoints_pkey", "events_pkey", "run_values_pkey"]),
        StatementPlan("runs_fork_readdress", ["checkpoints_pkey", "events_pkey", "run_values_pkey"]),
        StatementPlan("updates_reply", ["jobs_pkey", "run_values_pkey"]),
    ]

    /// Batches of forty, each row looked at once to be found and once to be deleted.
    private static let upkeep = [
        StatementPlan("upkeep.answers", ["idempotency_keys_by_age"], rows: 80),
        StatementPlan("sale_sample.forget", ["sale_samples_by_age"], rows: 80),
        StatementPlan("upkeep.sessions", ["staff_sessions_by_age"], rows: 80),
        StatementPlan("upkeep.wrong_keys", ["wrong_keys_by_age"], rows: 80),
        // Of sessions and of keys, of which there are a few.
        StatementPlan("staff_session.find", ["staff_sessions_pkey"], rows: 10),
        StatementPlan("staff_session.touch", ["staff_sessions_pkey"]),
        StatementPlan("staff_session.end", ["staff_sessions_pkey"]),
        StatementPlan("staff_session.open", []),
        StatementPlan("wrong_keys.lockout", ["wrong_keys_pkey"]),
        StatementPlan("wrong_keys.count", []),
        StatementPlan("wrong_keys.lock", ["wrong_keys_pkey"]),
        // Looks at each on-sale.
        StatementPlan("upkeep.contacts", ["contacts_pkey"], rows: 350, whole: ["on_sales"]),
    ]

    /// Statements that need no plan, each with its reason.
    static let excused: [String: String] = [
        (
            fewRows,
            [
                "api_key.add", "api_key.find", "api_key.revoke", "api_key.rotate", "api_key.list",
                "signing_key.add",
            ]
        ),
        (fewRows, ["signing_key.all", "pool.lock", "pool.scale"]),
        ("its table has a row for each check", ["lights.read", "lights.begin", "lights.end"]),
        ("sums up the on-sales, once a minute at the most", ["lights.entries"]),
        ("its table has a row for each gateway", ["gateway.report", "gateway.signals", "upkeep.reports"]),
        (
            "reads all that goes on, once in half a minute, as sale.numbers does one of them",
            ["sale_sample.take"]
        ),
        ("takes a table lock and reads nothing", ["signing_key.lock", "templates.lock"]),
        (
            "holds a whole history against the tables, when all is over",
            ["history.on_sale", "history.places", "history.reservations"]
        ),
        ("its table has a row for each range of ids", ["orders.unfinished", "orders.ranges"]),
        ("deletes a batch of what a BRIN finds", ["upkeep.keys"]),
        ("reads the next rows of a cursor", ["orders.fetch"]),
        ("declares a cursor, whose plan OrderArchiveTests looks at", ["orders.export"]),
        (
            "its table has a row for each cache",
            ["purges.retry", "purges.took", "purges.fail", "purges.caches"]
        ),
        (
            "forgets all of a table, before it is counted anew",
            ["minutes.forget", "search.forget", "search.forget_words", "search.keep_words"]
        ),
        (
            "SearchPlanTests has it among twenty thousand",
            [
                "search.known", "search.count", "search.write", "search.find", "search.walk", "search.like",
                "search.copy", "search.entries",
            ]
        ),
        ("writes new words, finding none", ["search.note_words"]),
        ("reads or writes a setting", ["statement_timeout", "statement_timeout_set"]),
        (
            "calls a function that makes or drops whole partitions",
            [
                "job_ranges_turn", "job_ranges_drop", "journal_ranges_drop", "lanes_rotate",
                "upkeep.notifications", "upkeep.order_ranges", "upkeep.notification_ranges",
                "upkeep.notification_turn", "upkeep.notification_ahead", "upkeep.audit_months",
                "orders.archive", "orders.pack",
            ]
        ),
        (
            audit,
            [
                "audit.draws", "audit.draw_flags", "audit.members", "audit.numbered", "audit.arrivals",
                "audit.buyers",
                "audit.numbers",
                "audit.turns",
            ]
        ),
        (audit, ["audit.admitted", "audit.reoffers", "audit.sessions", "audit.reservations", "audit.chain"]),
        (audit, ["audit.nothing_is_stuck", "audit.runs_agree", "audit.money_has_its_reservation"]),
        (
            audit,
            [
                "audit.sales_are_paid", "audit.cases_are_closed", "audit.reservations_are_whole",
                "audit.books_balance",
            ]
        ),
        (
            audit,
            ["audit.books_match_reservations", "audit.books_match_seats", "audit.seats_match_reservations"]
        ),
        (audit, ["audit.limits_hold"]),
    ].reduce(into: [:]) { excused, group in for name in group.1 { excused[name] = group.0 } }

    private static let fewRows = "its table has a few rows, made by hand"
    private static let audit = "checks everything on purpose, and may take its time"
}
