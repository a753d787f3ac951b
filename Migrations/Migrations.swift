/// All steps of the schema that this program knows, in order.
public enum Migrations {
    /// One line for each file in `sql/`.
    ///
    /// The build replaces the first digit of a file's name by `_`, so
    /// `0001_engine.sql` is `_001_engine_sql`.
    public static let all: [Migration] = [
        Migration(1, "engine", PackageResources._001_engine_sql),
        Migration(2, "workers", PackageResources._002_workers_sql),
        Migration(3, "retention", PackageResources._003_retention_sql),
        Migration(4, "dead_letters", PackageResources._004_dead_letters_sql),
        Migration(5, "cancellations", PackageResources._005_cancellations_sql),
        Migration(6, "job_journal", PackageResources._006_job_journal_sql),
        Migration(7, "unique", PackageResources._007_unique_sql),
        Migration(8, "enqueue_job", PackageResources._008_enqueue_job_sql),
        Migration(9, "batches", PackageResources._009_batches_sql),
        Migration(10, "cron", PackageResources._010_cron_sql),
        Migration(11, "limits", PackageResources._011_limits_sql),
        Migration(12, "blocked", PackageResources._012_blocked_sql),
        Migration(13, "cancel_keyed", PackageResources._013_cancel_keyed_sql),
        Migration(15, "rotation", PackageResources._015_rotation_sql),
        Migration(16, "counts", PackageResources._016_counts_sql),
        Migration(17, "enqueue_limited", PackageResources._017_enqueue_limited_sql),
        Migration(18, "fair_window", PackageResources._018_fair_window_sql),
        Migration(19, "rank", PackageResources._019_rank_sql),
        Migration(20, "on_sales", PackageResources._020_on_sales_sql),
        Migration(21, "places", PackageResources._021_places_sql),
        Migration(22, "admission", PackageResources._022_admission_sql),
        Migration(23, "keys", PackageResources._023_keys_sql),
        Migration(24, "audit_entries", PackageResources._024_audit_entries_sql),
        Migration(25, "stock", PackageResources._025_stock_sql),
        Migration(26, "reservations", PackageResources._026_reservations_sql),
        Migration(27, "payments", PackageResources._027_payments_sql),
        Migration(28, "notifications", PackageResources._028_notifications_sql),
        Migration(40, "buyers", PackageResources._040_buyers_sql),
        Migration(41, "operator_audit", PackageResources._041_operator_audit_sql),
        Migration(42, "old_rows", PackageResources._042_old_rows_sql),
    ]
}
