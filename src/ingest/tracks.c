#include "ingest/tracks.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/cells.h"
#include "ingest/list.h"
#include "ingest/row.h"

/* The reading of one rank. */
typedef struct track_scan {
  const segue_source *src;
  const segue_ingest_params *params;
  const segue_track_plan *plan;
  const segue_artists *artists; /* NULL: none */
  segue_genre_reader *groups;   /* NULL: genres of artists */
  segue_row_reader row;
  segue_table *ghosts;
  segue_accounting *acc;
  bool expects;
  segue_buffer ids, names; /* items of the row's lists */
  segue_buffer codes;      /* of several artists */
} track_scan;

/* What is found out about a row. */
typedef struct verdict {
  segue_reason reason;
  int n_artists;
  segue_str primary; /* id; empty: none */
  bool named;        /* `name` comes from the artist table */
  segue_str name;
  const int32_t *genres;
  int n_genres;
} verdict;

static segue_code read_artist_ids(track_scan *s, const segue_record *r, verdict *v,
                                  segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool readable;
  int column = s->plan->id_artists;
  if (column < 0 || s->row.fields.at[column].size == 0)
    return SEGUE_OK;
  segue_str cell = s->row.fields.at[column];
  if (s->params->artist_rule != SEGUE_ARTIST_ALL &&
      segue_list_first(cell, &v->primary, &v->n_artists))
    return SEGUE_OK;
  v->primary = (segue_str){0};
  s->ids.size = 0;
  SEGUE_TRY(segue_list_read(cell, &s->ids, &v->n_artists, &readable, st));
  if (!readable)
    segue_report_cell(&s->row.report, r->line, s->src->columns[column], cell,
                      "a list of artist ids");
  if (v->n_artists > 0)
    v->primary = segue_str_of((const char *)s->ids.data);
done:
  return rc;
}

static void look_up_primary(const track_scan *s, verdict *v) {
  segue_artist artist = {0};
  segue_known known =
      s->artists ? segue_artists_find(s->artists, v->primary, &artist) : SEGUE_ARTIST_UNKNOWN;
  v->named = known == SEGUE_ARTIST_FULL;
  v->name = artist.name;
  v->genres = artist.genres;
  v->n_genres = artist.n_genres;
  if (v->n_genres == 0)
    v->reason = known == SEGUE_ARTIST_UNKNOWN ? SEGUE_UNKNOWN_ARTIST : SEGUE_WITHOUT_GENRE;
}

/* The genres of all artists of the row; the primary one has been looked up. */
static segue_code unite_artists(track_scan *s, verdict *v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool any_known = false;
  const char *p = (const char *)s->ids.data;
  s->codes.size = 0;
  for (int i = 0; i < v->n_artists; i++) {
    segue_artist artist;
    segue_str id = segue_str_of(p);
    segue_known known = segue_artists_find(s->artists, id, &artist);
    any_known = any_known || known != SEGUE_ARTIST_UNKNOWN;
    if (known == SEGUE_ARTIST_FULL)
      SEGUE_TRY(segue_buffer_append(&s->codes, artist.genres,
                                    (int64_t)sizeof(int32_t) * artist.n_genres, st));
    p += id.size + 1;
  }
  v->n_genres = (int)(s->codes.size / (int64_t)sizeof(int32_t));
  if (v->n_genres > 0)
    v->n_genres = segue_codes_tidy((int32_t *)(void *)s->codes.data, v->n_genres);
  v->genres = (const int32_t *)(const void *)s->codes.data;
  v->reason = v->n_genres > 0 ? SEGUE_KEPT : any_known ? SEGUE_WITHOUT_GENRE : SEGUE_UNKNOWN_ARTIST;
done:
  return rc;
}

/* By the table's own group column: a track without artist may stay. */
static segue_code judge_group(track_scan *s, const segue_record *r, verdict *v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  bool readable;
  segue_str cell = s->row.fields.at[s->plan->group];
  if (v->primary.size > 0)
    look_up_primary(s, v);
  SEGUE_TRY(segue_genres_of_group(s->groups, cell, &readable, st));
  if (!readable)
    segue_report_cell(&s->row.report, r->line, s->src->columns[s->plan->group], cell,
                      "a list of groups");
  v->genres = s->groups->codes;
  v->n_genres = s->groups->n;
  v->reason = v->n_genres > 0 ? SEGUE_KEPT : SEGUE_WITHOUT_GENRE;
  if (s->params->artist_rule == SEGUE_ARTIST_SOLE && v->n_artists > 1)
    v->reason = SEGUE_NOT_SOLE;
done:
  return rc;
}

static segue_code judge(track_scan *s, const segue_record *r, verdict *v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  *v = (verdict){.reason = SEGUE_KEPT};
  SEGUE_TRY(read_artist_ids(s, r, v, st));
  if (s->groups)
    return judge_group(s, r, v, st);
  if (v->primary.size == 0) {
    v->reason = SEGUE_WITHOUT_ARTIST;
  } else if (s->params->artist_rule == SEGUE_ARTIST_SOLE && v->n_artists > 1) {
    v->reason = SEGUE_NOT_SOLE;
  } else {
    look_up_primary(s, v);
    if (s->params->artist_rule == SEGUE_ARTIST_ALL)
      rc = unite_artists(s, v, st);
  }
done:
  return rc;
}

static segue_code put_ghost(track_scan *s, const segue_record *r, segue_reason reason,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(segue_put_str(s->ghosts, SEGUE_GHOST_ID, s->row.fields.at[s->plan->id], st));
  SEGUE_TRY(segue_put_int(s->ghosts, SEGUE_GHOST_OFFSET, r->offset, st));
  SEGUE_TRY(segue_put_int(s->ghosts, SEGUE_GHOST_REASON, (int64_t)reason, st));
  segue_table_end_row(s->ghosts);
done:
  return rc;
}

/* The artist table's name, else the first of the row's own list of names. */
static segue_code put_artist_name(track_scan *s, const verdict *v, int column, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *t = s->plan->table;
  bool readable = false;
  int n = 0;
  if (v->named)
    return segue_put_str(t, column, v->name, st);
  segue_str first;
  if (s->plan->artists >= 0 && segue_list_first(s->row.fields.at[s->plan->artists], &first, &n))
    return segue_put_str(t, column, first, st);
  s->names.size = 0;
  if (s->plan->artists >= 0)
    SEGUE_TRY(segue_list_read(s->row.fields.at[s->plan->artists], &s->names, &n, &readable, st));
  if (n > 0)
    rc = segue_put_str(t, column, segue_str_of((const char *)s->names.data), st);
  else
    rc = segue_put_null(t, column, st);
done:
  return rc;
}

static segue_code put_feed(track_scan *s, const segue_record *r, const verdict *v, int column,
                           segue_cell *what, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *t = s->plan->table;
  const segue_feed *feed = &s->plan->feeds[column];
  *what = SEGUE_CELL_GOOD;
  switch (feed->origin) {
  case SEGUE_FROM_CELL:
    rc = segue_put_cell(t, column, s->row.fields.at[feed->input], what, st);
    if (*what == SEGUE_CELL_UNREADABLE)
      segue_report_cell(&s->row.report, r->line, s->src->columns[feed->input],
                        s->row.fields.at[feed->input],
                        segue_cell_wants(t->columns[column].field.type));
    return rc;
  case SEGUE_FROM_ARTIST_ID:
    return v->primary.size > 0 ? segue_put_str(t, column, v->primary, st)
                               : segue_put_null(t, column, st);
  case SEGUE_FROM_ARTIST_NAME:
    return put_artist_name(s, v, column, st);
  case SEGUE_FROM_DATE:
    return segue_put_year(t, column, s->row.fields.at[s->plan->release_date], st);
  default:
    return segue_put_null(t, column, st);
  }
}

static segue_code put_track(track_scan *s, const segue_record *r, const verdict *v,
                            segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *t = s->plan->table;
  int helper = s->plan->first_helper;
  int64_t nulls = 0, empties = 0;
  for (int c = 0; c < helper; c++) {
    segue_cell what;
    SEGUE_TRY(put_feed(s, r, v, c, &what, st));
    nulls += what == SEGUE_CELL_UNREADABLE;
    empties += what == SEGUE_CELL_EMPTY;
  }
  segue_str genres = {(const char *)v->genres, (int64_t)sizeof *v->genres * v->n_genres};
  SEGUE_TRY(segue_put_int(t, helper + SEGUE_HELPER_OFFSET, r->offset, st));
  SEGUE_TRY(segue_put_int(t, helper + SEGUE_HELPER_NULLS, nulls, st));
  SEGUE_TRY(segue_put_int(t, helper + SEGUE_HELPER_EMPTIES, empties, st));
  SEGUE_TRY(segue_put_str(t, helper + SEGUE_HELPER_GENRES, genres, st));
  segue_table_end_row(t);
done:
  return rc;
}

static segue_code on_track(void *arg, const segue_record *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  track_scan *s = arg;
  bool good = false;
  verdict v;
  s->acc->track_rows++;
  if (!s->expects && segue_share_tells(r->share)) {
    segue_table_expect(s->plan->table, segue_share_times(r->share));
    segue_table_expect(s->ghosts, segue_share_times(r->share));
    s->expects = true;
  }
  SEGUE_TRY(segue_row_read(&s->row, r, s->plan->id, &good, st));
  if (!good)
    return SEGUE_OK;
  SEGUE_TRY(judge(s, r, &v, st));
  if (v.reason == SEGUE_KEPT)
    rc = put_track(s, r, &v, st);
  else
    rc = put_ghost(s, r, v.reason, st);
done:
  return rc;
}

segue_code segue_tracks_read(const segue_context *ctx, const segue_source *src,
                             const segue_ingest_params *params, segue_track_plan *plan,
                             const segue_artists *artists, segue_genre_reader *groups,
                             segue_table **ghosts, segue_accounting *acc, segue_status *st) {
  static const segue_field fields[SEGUE_GHOST_COLUMNS] = {{"id", SEGUE_STRING, false, "", ""},
                                                          {"offset", SEGUE_INT64, false, "", ""},
                                                          {"reason", SEGUE_INT32, false, "", ""}};
  segue_code rc = SEGUE_OK;
  track_scan s = {
      .src = src, .params = params, .plan = plan, .artists = artists, .groups = groups, .acc = acc};
  int64_t lines_before = 0;
  segue_row_reader_open(&s.row, ctx, src, params->max_reports);
  rc = segue_table_create_fields(&s.ghosts, fields, SEGUE_GHOST_COLUMNS, st);
  SEGUE_AGREE(ctx, st);
  rc = segue_source_scan(ctx, src, on_track, &s, &lines_before, st);
  segue_report_end(&s.row.report, lines_before);
  SEGUE_TRY(rc);
  acc->track_rows_rejected += s.row.report.rejected;
  *ghosts = s.ghosts;
  s.ghosts = NULL;
done:
  segue_row_reader_free(&s.row);
  segue_table_destroy(&s.ghosts);
  segue_buffer_free(&s.ids);
  segue_buffer_free(&s.names);
  segue_buffer_free(&s.codes);
  return rc;
}
