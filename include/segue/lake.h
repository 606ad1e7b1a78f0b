/* lake: tables as Parquet files in directories with Hive names, replaced as a whole.
 *
 * Three subjects, each of use alone:
 * - a Parquet encoder, from a table to the bytes of a file (local);
 * - partition values as directory names, `genre=r&b`, and back (local);
 * - a writer that takes the files of one table from all ranks and swaps the table in (collective).
 *
 * A lake is a directory with
 *   LAKE/results/<table>/part-0.parquet
 *   LAKE/curated/<table>/<column>=<value>/part-0.parquet
 * and, while a table is being written, hidden names .<table>.segue-* beside it.
 */
#ifndef SEGUE_LAKE_H
#define SEGUE_LAKE_H

#include "segue/ingest.h"
#include "segue/table.h"

/* ---- Parquet ---- */

/* Every 0 or NULL means the default. */
typedef struct segue_parquet_options {
  int64_t row_group_rows;  /* rows in a row group at most; 100,000 */
  int64_t row_group_bytes; /* bytes of values in a row group, about, before encoding; 64 MiB */
  int64_t page_bytes;      /* bytes of a data page, about, before compression; 1 MiB */
  int level;               /* of zstd; 1 */
  const char *skip_column; /* a column that is not written: the partition column (borrow) */
} segue_parquet_options;

/* Scratch memory and a compression context that are used again from file to file. */
typedef struct segue_parquet_encoder segue_parquet_encoder;

/* Local. `options` (copy; the text borrowed until the encoder is destroyed) may be NULL. */
segue_code segue_parquet_encoder_create(segue_parquet_encoder **out,
                                        const segue_parquet_options *options,
                                        segue_status *st) SEGUE_MUST_USE;
void segue_parquet_encoder_destroy(segue_parquet_encoder **encoder);

/* Local. Puts a whole Parquet file into `out`, whose former contents go and whose memory is kept.
 * `rows[0..n)` are the rows to write and their order; NULL writes the rows 0..n-1. Rows may repeat.
 *
 * Every column but `skip_column` and those of type SEGUE_BYTES is written, in the table's order:
 * BOOLEAN, INT32, INT64, DOUBLE, BYTE_ARRAY as UTF-8 string, INT64 as UTC microseconds; OPTIONAL
 * where the field is nullable, else REQUIRED. The schema depends on the fields alone, so every file
 * of a table has the same one, whatever is null in it.
 * The bytes depend on the table's values, the options, and the version of segue and zstd; on
 * nothing else.
 *
 * Encodings: PLAIN, or RLE_DICTIONARY where that is smaller; zstd unless a column chunk does not
 * shrink. Statistics: null count always; smallest and largest value unless a NaN is among the
 * values (no order) or either is a string of more than 64 bytes. A smallest zero is written as -0.0
 * and a largest as +0.0, because readers compare them in different ways.
 *
 * INPUT: no column is left to write, a null in a column that is not nullable (the message names
 * column and row), a string too long for a page (2 GiB). Strings must be valid UTF-8; that is not
 * checked again here. */
segue_code segue_parquet_encode(segue_parquet_encoder *encoder, const segue_table *t,
                                const int64_t *rows, int64_t n, segue_buffer *out,
                                segue_status *st) SEGUE_MUST_USE;

/* Local. The same file in parts, for a table that is nowhere as a whole: begin, any number of
 * appends, end. `t` of each call has the same columns; of begin's and end's only the fields count.
 * An append ends with a row group, so what is appended at a time shows in the bytes. `out` is the
 * same buffer throughout and nobody else's. After a failure only begin may follow. */
segue_code segue_parquet_begin(segue_parquet_encoder *encoder, const segue_table *t,
                               segue_buffer *out, segue_status *st) SEGUE_MUST_USE;
segue_code segue_parquet_append(segue_parquet_encoder *encoder, const segue_table *t,
                                const int64_t *rows, int64_t n, segue_buffer *out,
                                segue_status *st) SEGUE_MUST_USE;
segue_code segue_parquet_end(segue_parquet_encoder *encoder, const segue_table *t,
                             segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* ---- partition names ---- */

enum { SEGUE_HIVE_NAME_MAX = 255 }; /* bytes of a file name on nearly every file system */

/* What an empty value is called, in Hive and all that follow it. */
#define SEGUE_HIVE_EMPTY "__HIVE_DEFAULT_PARTITION__"

/* Local. Appends the directory name `column=value` to `out`.
 *
 * As Hive and Spark do: the bytes 01-1F, 7F and `" # % ' * / : = ? \ { [ ] ^` become %XX with
 * upper-case digits, all others, spaces and UTF-8 included, stay. An empty value becomes
 * __HIVE_DEFAULT_PARTITION__, which readers show as null.
 *
 * Where Hive's rule would lose a value, one character more is escaped, which every reader undoes:
 * - the value __HIVE_DEFAULT_PARTITION__ itself becomes %5F_HIVE_DEFAULT_PARTITION__;
 * - the word "null" in any case has its first letter escaped, as DuckDB reads a bare one as null;
 * - a value that ends like a shortened one (below) has that `~` escaped.
 *
 * A name of more than SEGUE_HIVE_NAME_MAX bytes cannot be a directory. It is cut at a whole
 * character and `~` and 16 hexadecimal digits of the value's hash (segue_hash, seed 0) follow.
 * `*shortened` (may be NULL) tells. Readers see the shortened text as the value; segue_lake_commit
 * records the whole one in the table's `_long_names.jsonl`.
 *
 * Two different values get two different names, but for two long ones with the same beginning and
 * the same hash; the lake writer refuses a name that it has already. */
segue_code segue_hive_directory(const char *column, segue_str value, segue_buffer *out,
                                bool *shortened, segue_status *st) SEGUE_MUST_USE;

/* Local. Appends `text` with every %XX undone; a % without two hexadecimal digits stays. */
segue_code segue_hive_unescape(segue_str text, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* Local. The other way: the value of a directory name `column=value`, appended to `out`. `*column`
 * borrows from `directory` and is still escaped. False in `*found` if there is no `=`. */
segue_code segue_hive_value(segue_str directory, segue_str *column, segue_buffer *out, bool *found,
                            segue_status *st) SEGUE_MUST_USE;

/* ---- a table in a lake ----
 *
 * `lake` is a directory, or s3://BUCKET/PREFIX where ctx has an S3 client (src/lake/remote.h tells
 * how a table changes at once there). */

/* Global numbers, the same on all ranks. */
typedef struct segue_lake_totals {
  int64_t files, rows;
  int64_t bytes;      /* of the Parquet files */
  int64_t long_names; /* partitions with a shortened name: worth a warning */
} segue_lake_totals;

typedef struct segue_lake_writer segue_lake_writer;

/* Collective; `lake`, `table` and `partition` must agree. Starts a new version of the table
 * LAKE/`table`, for example "results/genre_predictors"; `partition` is the column whose values
 * become directories, or NULL for a table of one file. Nothing under the table's own name changes
 * before the commit.
 *
 * The table is locked: a second process that begins the same one waits for `wait` seconds (rank 0
 * decides) and then fails. What killed processes left behind is removed, or put back where they
 * died in the middle of a swap. IO: the lake cannot be written, or a rank does not see rank 0's
 * directory; the message has the path. On failure `*out` is NULL on all ranks. */
segue_code segue_lake_begin(const segue_context *ctx, const char *lake, const char *table,
                            const char *partition, double wait, segue_lake_writer **out,
                            segue_status *st) SEGUE_MUST_USE;

/* Local, on any rank, any number of times in any order. Stores the bytes of one Parquet file of
 * `rows` rows as the partition `value`, or as the whole table if there is no partition column.
 * After a failure on this rank every further put fails the same way, and so will the commit.
 * IO: full disk and the like; INPUT: a second file for the same value, or for another one of the
 * same directory name. */
segue_code segue_lake_put(segue_lake_writer *w, segue_str value, const segue_buffer *file,
                          int64_t rows, segue_status *st) SEGUE_MUST_USE;

/* Collective. Ends the writer (`*w` becomes NULL) and either replaces the table or leaves it as it
 * was. Every rank brings in `mine` the result of its work since segue_lake_begin, as with
 * segue_agree, so a rank that failed calls this too; `st` must not be NULL.
 * `rows` is the number of rows that all ranks together must have put, or -1: anything else is
 * INTERNAL and leaves the old table. `rows` must agree. `totals` may be NULL.
 *
 * The files are made durable, then the old and the new directory change places in one step
 * (renameat2 with RENAME_EXCHANGE), then the old one is deleted. Where the file system cannot
 * exchange, the old directory is renamed away and the new one renamed in: a reader may find no
 * table for that moment, never a mixture; if the process dies just then, the next begin puts the
 * old one back. A link in the table's place is replaced; what it points to is not touched. */
segue_code segue_lake_commit(segue_lake_writer **w, segue_code mine, int64_t rows,
                             segue_lake_totals *totals, segue_status *st) SEGUE_MUST_USE;

/* Collective. Ends the writer and leaves the table as it was; `*w` may be NULL on all ranks. */
void segue_lake_abort(segue_lake_writer **w);

/* Collective. Begin, put and commit for a table of one file. `t` (borrow) on rank 0 holds all rows
 * and may have none; elsewhere it is ignored. */
segue_code segue_lake_write_table(const segue_context *ctx, const char *lake, const char *table,
                                  const segue_table *t, segue_lake_totals *totals,
                                  segue_status *st) SEGUE_MUST_USE;

/* Collective. The same of a table whose rows lie on all ranks, in rank order. They come to rank 0
 * `rows_at_a_time` (0: 1,000,000) at a time, so that it holds these and the encoded file, never the
 * table. The bytes are the same for any number of ranks. */
segue_code segue_lake_write_large(const segue_context *ctx, const char *lake, const char *table,
                                  const segue_table *t, int64_t rows_at_a_time,
                                  segue_lake_totals *totals, segue_status *st) SEGUE_MUST_USE;

/* Collective. Writes curated/tracks_by_genre, a row for each track and each of its genres, in
 * ascending id order within a genre: genres are shared out over ranks, rows travel in batches of
 * bounded size. */
segue_code segue_lake_write_curated(const segue_context *ctx, const segue_catalogue *c,
                                    const char *lake, segue_lake_totals *totals,
                                    segue_status *st) SEGUE_MUST_USE;

/* Collective. Begin, put and commit for a table with a partition column: `t` (borrow) has the
 * columns of its schema, which has a partition, and rows on any rank. A file for each value, null
 * as the empty one; rows in it in the order of the table's first column, and equal ones as the
 * ranks have them. Values are shared out over ranks. */
segue_code segue_lake_write_partitioned(const segue_context *ctx, const char *lake,
                                        const segue_table *t, segue_lake_totals *totals,
                                        segue_status *st) SEGUE_MUST_USE;

/* Local. Deletes, or puts back, what killed writers left in `lake`: staging and lock files of
 * tables that no process is writing. `*removed` (may be NULL) receives the number of directories.
 */
segue_code segue_lake_clean(const char *lake, int64_t *removed, segue_status *st) SEGUE_MUST_USE;

/* ---- what is in a lake ---- */

enum { SEGUE_LAKE_LEVELS = 4 }; /* partition columns of a table at most */

/* One Parquet file, or one directory of a partitioned table. */
typedef struct segue_lake_part {
  char *directory; /* below the table: "genre=drum and bass", as it is called on disk; "": none */
  char *file;      /* its first Parquet file, below the table */
  char *whole;     /* the value whose name had to be shortened for the directory; NULL: not so */
  int64_t files, bytes;
  int64_t rows; /* -1: not counted */
} segue_lake_part;

/* A column as a table's files have it. */
typedef struct segue_lake_column {
  char *name;
  segue_type type;
  const char *unit, *meaning; /* from the list of schemas; "" for others (static) */
} segue_lake_column;

/* A table that is in the lake, or one of the list that could be. */
typedef struct segue_lake_table {
  char *path;                 /* below the lake: "results/hubs" */
  char *sql_name;             /* "results_hubs" */
  char *version;              /* on S3, the folder in which its files are; NULL: none */
  const segue_schema *schema; /* NULL: a table that segue did not make */
  bool present;
  char *partition[SEGUE_LAKE_LEVELS]; /* partition columns, unescaped, outermost first */
  int n_levels;
  segue_lake_part *parts; /* by directory, in byte order */
  int64_t n_parts, files, bytes;
  int64_t rows;               /* -1: not counted */
  segue_lake_column *columns; /* with files read: those of the files, then the partition columns */
  int n_columns;
} segue_lake_table;

typedef struct segue_lake_listing {
  char *lake; /* absolute, without links and without a slash at its end */
  segue_lake_table *tables;
  int n;
} segue_lake_listing;

/* Local. What is in the directory `lake`: the tables of the list (segue_schemas) in its order,
 * those that are not there included, then others by name - directories LAKE/a/b that hold Parquet
 * files. Hidden names and those that begin with _ are passed over, but for _segue_table.json, which
 * holds the SQL name of a table that SQL made. `read_files`: every file's footer is read for rows,
 * and one of each table for its columns. IO: no such directory, or one that cannot be read; INPUT:
 * a file that is not Parquet. */
segue_code segue_lake_scan(const char *lake, bool read_files, segue_lake_listing *out,
                           segue_status *st) SEGUE_MUST_USE;
void segue_lake_listing_free(segue_lake_listing *l);

/* Local. Appends the value of the table's partition column `level` in the part: unescaped, and
 * whole where the directory's name was shortened. `*is_null` tells where it is Hive's name for
 * none. */
segue_code segue_lake_part_value(const segue_lake_table *t, const segue_lake_part *part, int level,
                                 segue_buffer *out, bool *is_null, segue_status *st) SEGUE_MUST_USE;

#define SEGUE_LAKE_TABLE_FILE "_segue_table.json"

/* ---- a lake for Athena and Glue ---- */

/* The type that Athena and Glue call it by; NULL for SEGUE_BYTES (static). */
const char *segue_ddl_type(segue_type type);

/* Local. Appends what is said of a column there: its meaning and unit, at most 255 bytes. */
segue_code segue_ddl_comment(const segue_lake_column *column, segue_buffer *out,
                             segue_status *st) SEGUE_MUST_USE;

/* Local. Appends where the table, or with `part` that part of it, lies below `location`
 * (s3://bucket/prefix): names as they are in the keys, a slash at the end. */
segue_code segue_ddl_location(const char *location, const segue_lake_table *t,
                              const segue_lake_part *part, segue_buffer *out,
                              segue_status *st) SEGUE_MUST_USE;

/* Local. Appends statements that make the lake known to Athena: the database, the tables with the
 * list's comments, and every partition with its own location, 100 a statement. Partition projection
 * is not used: it puts a value into the path as it is, and so misses every directory with an
 * escaped name. `l` was scanned with its files read. */
segue_code segue_ddl_athena(const segue_lake_listing *l, const char *database, const char *location,
                            segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* ---- old versions on S3 ---- */

/* What old versions of tables on S3 come to. */
typedef struct segue_lake_old {
  int64_t files, bytes;
  int64_t kept; /* unfinished versions that somebody may still be writing */
} segue_lake_old;

/* Local. For a lake on S3: finds the versions of its partitioned tables that are not current and
 * were last written before `before_us`, and deletes them unless `dry`. */
segue_code segue_lake_old_versions(const segue_context *ctx, const char *lake, int64_t before_us,
                                   bool dry, segue_lake_old *out, segue_status *st) SEGUE_MUST_USE;

/* ---- a lake on S3, looked at as a directory ----
 *
 * A private directory (segue_scratch) that has every object of the lake as a file in its place. The
 * files are empty at first - sparse, of the right size - and are fetched a table at a time. Of a
 * table with versions only the current one is there, without the version in its path. What is
 * fetched of a table is of one version, whatever is exported meanwhile. */
typedef struct segue_mirror segue_mirror;

/* Local. `lake` is s3://BUCKET/PREFIX; ctx (borrow) has an S3 client. USAGE, NETWORK, IO, INPUT:
 * nothing is there. */
segue_code segue_mirror_open(const segue_context *ctx, const char *lake, segue_mirror **out,
                             segue_status *st) SEGUE_MUST_USE;
/* Removes the directory. */
void segue_mirror_close(segue_mirror **m);
/* The directory (borrow). */
const char *segue_mirror_path(const segue_mirror *m);

/* Local. Fetches the objects below `place`, two names such as "results/hubs", whole or with
 * `footers` only the end of each Parquet file, which has rows and columns; NULL: all Parquet files
 * and what describes them. What is there already is not fetched again. `*changed` (may be NULL):
 * the table was replaced meanwhile, so that other files may be there. IO where TMPDIR has no room;
 * the message says how much it takes. */
segue_code segue_mirror_fetch(segue_mirror *m, const char *place, bool footers, bool *changed,
                              segue_status *st) SEGUE_MUST_USE;
/* Bytes fetched so far. */
int64_t segue_mirror_bytes(const segue_mirror *m);

/* Local. What was written below `place` of the directory goes to the lake: as a `table` in a
 * version of its own, so that it is there at once; else file by file, and none after a failure. */
segue_code segue_mirror_publish(segue_mirror *m, const char *place, bool table,
                                segue_status *st) SEGUE_MUST_USE;
/* Local. Deletes all objects below `place`, the list of the current version first. */
segue_code segue_mirror_drop(segue_mirror *m, const char *place, segue_status *st) SEGUE_MUST_USE;

/* Local. segue_lake_scan of a lake on S3 (ctx has a client) or in a directory. Of objects, only the
 * ends are fetched. `out->lake` is the lake as it was given where it is on S3. */
segue_code segue_lake_look(const segue_context *ctx, const char *lake, segue_lake_listing *out,
                           segue_status *st) SEGUE_MUST_USE;

/* Where Glue is and who asks it; NULL means the default of AWS's own tools. */
typedef struct segue_glue_options {
  const char *endpoint; /* AWS_ENDPOINT_URL_GLUE, AWS_ENDPOINT_URL, else AWS by region */
  const char *region;   /* AWS_REGION, AWS_DEFAULT_REGION, else us-east-1 */
  const char *profile, *credentials_file, *ca_file;
  bool allow_plain; /* http:// */
  FILE *dry_run;    /* print the requests that would change something here, and send nothing */
} segue_glue_options;

/* Databases, tables and partitions together. */
typedef struct segue_glue_totals {
  int64_t created, updated, removed, unchanged;
} segue_glue_totals;

/* Local. Makes Glue's catalogue say what segue_ddl_athena says: creates what is missing, updates
 * what differs, removes partitions whose directory is gone, and leaves all else alone, so that a
 * second call changes nothing. Requests are signed (Signature Version 4) and repeated while the
 * server is busy. NETWORK: refused or not reached, with Glue's words. */
segue_code segue_glue_register(const segue_lake_listing *l, const char *database,
                               const char *location, const segue_glue_options *options,
                               segue_glue_totals *totals, segue_status *st) SEGUE_MUST_USE;

#endif
