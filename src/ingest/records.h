/* Where records of a CSV text begin and end: the automaton that libcsv runs in lenient mode without
 * trimming, reduced to its states, and a cursor that cuts a block of bytes into whole records.
 * All functions are local. */
#ifndef SEGUE_INGEST_RECORDS_H
#define SEGUE_INGEST_RECORDS_H

#include "segue/base.h"

/* What the automaton has just seen. A quote opens a quoted field only at its start, else it is
 * literal; inside a quoted field, a quote before anything but a quote, the delimiter or a line end
 * is literal and the field goes on quoted. CR and LF both end a record; CR LF is an end and a
 * blank. */
typedef enum segue_csv_state {
  SEGUE_CSV_RECORD, /* at the start of a record */
  SEGUE_CSV_FIELD,  /* after a delimiter */
  SEGUE_CSV_BARE,   /* in an unquoted field */
  SEGUE_CSV_QUOTED, /* in a quoted field */
  SEGUE_CSV_QUOTE,  /* after a quote in a quoted field */
  SEGUE_CSV_STATES
} segue_csv_state;

/* The state after `n` bytes. */
segue_csv_state segue_csv_run(segue_csv_state state, const char *p, int64_t n, char delimiter);

/* What a run of bytes does to the automaton, for any state before it. */
typedef struct segue_csv_map {
  uint8_t to[SEGUE_CSV_STATES];
} segue_csv_map;

segue_csv_map segue_csv_map_identity(void);
/* Puts `n` further bytes behind those that `map` stands for. */
void segue_csv_map_run(segue_csv_map *map, const char *p, int64_t n, char delimiter);

/* Bytes up to and with the first line end that ends a record, or -1; `*state` moves along. */
int64_t segue_csv_skip(segue_csv_state *state, const char *p, int64_t n, char delimiter);

/* Line ends in `n` bytes (LF, CR or CR LF, each one); `before` is the byte before them, 0 for none.
 */
int64_t segue_csv_lines(const char *p, int64_t n, char before);

/* One record without its line end. */
typedef struct segue_record {
  const char *data; /* borrow */
  int64_t size;     /* bytes, at least 1 */
  int64_t offset;   /* of its first byte in the (uncompressed) file */
  int64_t line;     /* where it begins, counted as the cursor does */
  bool has_quote, has_nul;
  double share; /* of what this rank reads that lies before it; 0: not known */
} segue_record;

/* What has been made of this share of the input tells how much will be made of all of it. */
static inline bool segue_share_tells(double share) {
  return share > 1.0 / 16;
}

/* So many times as much that will be, and a tenth more. */
static inline double segue_share_times(double share) {
  return 1.1 / share;
}

/* Cuts a block into records. `quote`, `cr` and `nul` remember the next such byte at or after `at`
 * (`end` where there is none), so that text without them is searched for them once. */
typedef struct segue_cursor {
  const char *at, *end;
  int64_t offset; /* in the file, of `at` */
  int64_t line;   /* of `at` */
  bool after_cr;  /* the byte before `at` is a CR */
  bool whole;     /* nothing follows `end` */
  char delimiter;
  const char *quote, *cr, *nul;
} segue_cursor;

/* Points the cursor at `n` bytes that continue where it stands in the file. */
void segue_cursor_feed(segue_cursor *c, const char *data, int64_t n, bool whole);

/* The next record. False: from `at` to `end` there is no whole record; line ends before the torn
 * one are passed. Blank lines are no records. */
bool segue_cursor_next(segue_cursor *c, segue_record *r);

/* As segue_cursor_next, but starts inside of a record that somebody else reads: passes its end.
 * False: it is not in this block, all of which is passed. */
bool segue_cursor_pass(segue_cursor *c, segue_csv_state *state);

#endif
