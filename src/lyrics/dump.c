#include "lyrics/dump.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The look-ups, each by an index of the dump. LIMITs keep "intro" and "various artists" in bounds.
 */
enum { BY_BOTH, BY_ARTIST, BY_TITLE, WORDS, N_QUERIES };
static const char *const queries[N_QUERIES] = {
    "SELECT id, name, artist_name, duration, last_lyrics_id FROM tracks"
    " WHERE name_lower = ?1 AND artist_name_lower = ?2 ORDER BY id LIMIT 200",
    "SELECT id, name, artist_name, duration, last_lyrics_id FROM tracks"
    " WHERE artist_name_lower = ?1 ORDER BY id LIMIT 3000",
    "SELECT id, name, artist_name, duration, last_lyrics_id FROM tracks"
    " WHERE name_lower = ?1 ORDER BY id LIMIT 500",
    "SELECT plain_lyrics, synced_lyrics, instrumental FROM lyrics WHERE id = ?1"};

struct segue_dump {
  char *path;
  sqlite3 *db;
  sqlite3_stmt *query[N_QUERIES];
  segue_buffer folded; /* scratch */
};

static segue_code fail(const segue_dump *d, const char *what, segue_status *st) {
  if (d->db && (sqlite3_errcode(d->db) & 0xff) == SQLITE_IOERR)
    return segue_fail(st, SEGUE_IO, "cannot read %s: %s", d->path, sqlite3_errmsg(d->db));
  return segue_fail(st, SEGUE_INPUT, "%s: %s: %s", d->path, what,
                    d->db ? sqlite3_errmsg(d->db) : "no memory");
}

/* ---- open ---- */

/* A file: URI, with everything but plain path characters escaped. `immutable` makes SQLite take no
 * locks and write no files beside a dump; a dump whose log (-wal) was not merged needs them. */
static segue_code uri_of(const char *path, segue_buffer *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  struct stat info;
  segue_buffer wal = {0};
  SEGUE_TRY(segue_buffer_printf(&wal, st, "%s-wal", path));
  bool merged = stat((const char *)wal.data, &info) != 0 || info.st_size == 0;
  SEGUE_TRY(segue_buffer_printf(out, st, "file:"));
  for (const char *p = path; *p; p++)
    SEGUE_TRY(segue_buffer_printf(out, st, strchr("%?#", *p) ? "%%%02X" : "%c", (unsigned char)*p));
  SEGUE_TRY(segue_buffer_printf(out, st, "?mode=ro%s", merged ? "&immutable=1" : ""));
  SEGUE_TRY(segue_buffer_append(out, "", 1, st));
done:
  segue_buffer_free(&wal);
  return rc;
}

/* SQLite's plan must be a search by key; a scan of a dump takes minutes for each track. */
static segue_code check_plan(segue_dump *d, int q, segue_status *st) {
  static const char *const columns[N_QUERIES] = {"tracks(name_lower)", "tracks(artist_name_lower)",
                                                 "tracks(name_lower)", "lyrics(id)"};
  segue_code rc = SEGUE_OK;
  sqlite3_stmt *plan = NULL;
  char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", queries[q]);
  if (!text || sqlite3_prepare_v2(d->db, text, -1, &plan, NULL) != SQLITE_OK)
    rc = fail(d, "cannot plan a look-up", st);
  while (rc == SEGUE_OK && sqlite3_step(plan) == SQLITE_ROW) {
    const char *detail = (const char *)sqlite3_column_text(plan, 3);
    if (detail && strncmp(detail, "SCAN", 4) == 0)
      rc = segue_fail(st, SEGUE_INPUT,
                      "%s has no index on %s, so each look-up would read all of it; make one in a "
                      "copy: CREATE INDEX ... ON %s",
                      d->path, columns[q], columns[q]);
  }
  sqlite3_finalize(plan);
  sqlite3_free(text);
  return rc;
}

static segue_code prepare(segue_dump *d, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int q = 0; q < N_QUERIES; q++) {
    if (sqlite3_prepare_v3(d->db, queries[q], -1, SQLITE_PREPARE_PERSISTENT, &d->query[q], NULL) !=
        SQLITE_OK)
      return fail(d, "not a dump of LRCLIB's database", st);
    SEGUE_TRY(check_plan(d, q, st));
  }
done:
  return rc;
}

segue_code segue_dump_open(const char *path, segue_dump **out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer uri = {0};
  struct stat info;
  *out = NULL;
  if (stat(path, &info) != 0)
    return segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
  if (!S_ISREG(info.st_mode))
    return segue_fail(st, SEGUE_INPUT, "%s is not a plain file", path);
  segue_dump *d = segue_alloc(1, sizeof *d, "a database", st);
  if (!d)
    return SEGUE_MEMORY;
  d->path = strdup(path);
  if (!d->path) {
    rc = segue_fail(st, SEGUE_MEMORY, "no memory for a path");
    goto done;
  }
  SEGUE_TRY(uri_of(path, &uri, st));
  if (sqlite3_open_v2((const char *)uri.data, &d->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
                      NULL) != SQLITE_OK) {
    rc = fail(d, "cannot open it", st);
    goto done;
  }
  /* Somebody else's file: nothing in its schema may run code. */
  (void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  (void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  SEGUE_TRY(prepare(d, st));
  *out = d;
  d = NULL;
done:
  segue_buffer_free(&uri);
  segue_dump_close(&d);
  return rc;
}

void segue_dump_close(segue_dump **dump) {
  segue_dump *d = *dump;
  if (!d)
    return;
  for (int q = 0; q < N_QUERIES; q++)
    sqlite3_finalize(d->query[q]);
  sqlite3_close(d->db);
  segue_buffer_free(&d->folded);
  free(d->path);
  free(d);
  *dump = NULL;
}

/* ---- look-ups ---- */

static segue_str text_at(sqlite3_stmt *q, int column) {
  const char *text = (const char *)sqlite3_column_text(q, column);
  segue_str s = {text, text ? sqlite3_column_bytes(q, column) : 0};
  /* SQLite does not check what it holds. */
  return text && segue_utf8_valid(s) && !memchr(text, 0, (size_t)s.size) ? s : (segue_str){0};
}

/* The words of a song that is accepted; borrowed until the query is reset. */
static segue_code load_words(segue_dump *d, int64_t id, segue_lrclib_song *song, segue_status *st) {
  sqlite3_stmt *q = d->query[WORDS];
  sqlite3_bind_int64(q, 1, id);
  int step = sqlite3_step(q);
  if (step == SQLITE_DONE)
    return SEGUE_OK;
  if (step != SQLITE_ROW)
    return fail(d, "cannot be read", st);
  song->plain = text_at(q, 0);
  song->synced = text_at(q, 1);
  song->instrumental = sqlite3_column_int(q, 2) != 0;
  return SEGUE_OK;
}

static segue_code consider_rows(segue_dump *d, int which, const segue_match_target *target,
                                double min_score, segue_finding *f, segue_status *st) {
  segue_code rc = SEGUE_OK;
  sqlite3_stmt *q = d->query[which];
  int step;
  while ((step = sqlite3_step(q)) == SQLITE_ROW) {
    double score;
    segue_lrclib_song song = {.id = sqlite3_column_int64(q, 0),
                              .name = text_at(q, 1),
                              .artist = text_at(q, 2),
                              .duration = NAN};
    if (sqlite3_column_type(q, 3) != SQLITE_NULL)
      song.duration = sqlite3_column_double(q, 3);
    if (!song.name.data || !song.artist.data)
      continue;
    SEGUE_TRY(segue_match_score(target, song.name, song.artist, song.duration, &score, st));
    /* All else that an artist sang is no answer, not even a rejected one. */
    if (which != BY_BOTH && score < min_score / 2)
      continue;
    if (score >= min_score && sqlite3_column_type(q, 4) != SQLITE_NULL)
      SEGUE_TRY(load_words(d, sqlite3_column_int64(q, 4), &song, st));
    rc = segue_finding_consider(f, target, &song, min_score, "lrclib/dump", st);
    sqlite3_reset(d->query[WORDS]);
    SEGUE_TRY(rc);
  }
  if (step != SQLITE_DONE)
    rc = fail(d, "cannot be read", st);
done:
  sqlite3_reset(d->query[WORDS]);
  sqlite3_reset(q);
  return rc;
}

/* Folds `name` as the dump's index has it and binds it; `*empty` where that leaves nothing. */
static segue_code bind_name(segue_dump *d, int which, int place, segue_str name, bool *empty,
                            segue_status *st) {
  d->folded.size = 0;
  segue_code rc = segue_match_lrclib(name, &d->folded, st);
  *empty = d->folded.size == 0;
  if (rc == SEGUE_OK && !*empty &&
      sqlite3_bind_text64(d->query[which], place, (const char *)d->folded.data,
                          (sqlite3_uint64)d->folded.size, SQLITE_TRANSIENT,
                          SQLITE_UTF8) != SQLITE_OK)
    rc = fail(d, "cannot ask", st);
  return rc;
}

static bool is_settled(const segue_finding *f) {
  return f->status == SEGUE_LYRICS_FOUND || f->status == SEGUE_LYRICS_INSTRUMENTAL;
}

/* The titles to look for: as it stands, and without what marks a re-issue. */
static segue_code plain_title(segue_str title, segue_buffer *out, segue_str titles[2],
                              segue_status *st) {
  segue_code rc = segue_text_title(title, out, st);
  titles[0] = title;
  titles[1] = (segue_str){(const char *)out->data, out->size};
  return rc;
}

segue_code segue_dump_find(segue_dump *d, segue_str title, const char *artists, int n,
                           const segue_match_target *target, double min_score, segue_finding *f,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer plain = {0};
  segue_str titles[2];
  bool empty;
  segue_finding_reset(f);
  SEGUE_TRY(plain_title(title, &plain, titles, st));
  for (int t = 0; t < 2; t++) {
    const char *artist = artists;
    for (int i = 0; i < n; i++, artist += strlen(artist) + 1) {
      SEGUE_TRY(bind_name(d, BY_BOTH, 1, titles[t], &empty, st));
      if (!empty)
        SEGUE_TRY(bind_name(d, BY_BOTH, 2, segue_str_of(artist), &empty, st));
      if (!empty)
        SEGUE_TRY(consider_rows(d, BY_BOTH, target, min_score, f, st));
    }
  }
  for (int i = 0; i < n && !is_settled(f); i++, artists += strlen(artists) + 1) {
    SEGUE_TRY(bind_name(d, BY_ARTIST, 1, segue_str_of(artists), &empty, st));
    if (!empty)
      SEGUE_TRY(consider_rows(d, BY_ARTIST, target, min_score, f, st));
  }
  for (int t = 0; t < 2 && !is_settled(f); t++) {
    SEGUE_TRY(bind_name(d, BY_TITLE, 1, titles[t], &empty, st));
    if (!empty)
      SEGUE_TRY(consider_rows(d, BY_TITLE, target, min_score, f, st));
  }
done:
  segue_buffer_free(&plain);
  return rc;
}
