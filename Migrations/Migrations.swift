/// All steps of the schema that this program knows, in order.
public enum Migrations {
    /// One line for each file in `sql/`. The build replaces the first digit of a file's name by `_`, so
    /// `0001_engine.sql` is `_001_engine_sql`.
    public static let all: [Migration] = [
        Migration(1, "engine", PackageResources._001_engine_sql)
    ]
}
