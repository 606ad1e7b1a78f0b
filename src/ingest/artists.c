/* Reading artists.csv. */
#include "ingest/artists.h"

#include <stdlib.h>
#include <string.h>

#include "ingest/genres.h"
#include "ingest/header.h"
#include "ingest/report.h"
#include "ingest/row.h"

typedef struct packed_head {
  int64_t offset, total; /* total: bytes of the packed row */
  int32_t id_size, name_size, n_genres;
  uint32_t tag;
} packed_head;

segue_code segue_artist_pack(segue_buffer *b, const segue_artist *a, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t codes = (int64_t)sizeof(int32_t) * a->n_genres;
  int64_t used = (int64_t)sizeof(packed_head) + codes + a->id.size + a->name.size;
  packed_head head = {a->offset,           (used + 7) / 8 * 8,
                      (int32_t)a->id.size, (int32_t)a->name.size,
                      a->n_genres,         a->tag};
  SEGUE_TRY(segue_buffer_reserve(b, head.total, st)); /* so that the rest cannot fail */
  SEGUE_TRY(segue_buffer_append(b, &head, sizeof head, st));
  SEGUE_TRY(segue_buffer_append(b, a->genres, codes, st));
  SEGUE_TRY(segue_buffer_append(b, a->id.data, a->id.size, st));
  SEGUE_TRY(segue_buffer_append(b, a->name.data, a->name.size, st));
  rc = segue_buffer_append(b, "\0\0\0\0\0\0\0", head.total - used, st);
done:
  return rc;
}

int64_t segue_artist_unpack(const uint8_t *data, segue_artist *a) {
  const packed_head *head = (const packed_head *)(const void *)data;
  const int32_t *genres = (const int32_t *)(const void *)(head + 1);
  const char *text = (const char *)(genres + head->n_genres);
  *a = (segue_artist){head->offset, {text, head->id_size}, {text + head->id_size, head->name_size},
                      genres,       head->n_genres,        head->tag};
  return head->total;
}

/* The reading of one rank. */
typedef struct artist_scan {
  const segue_source *src;
  segue_row_reader row;
  int id, genres, name; /* columns */
  segue_genre_reader reader;
  bool all_names, expects;
  segue_artist_rows rows;
  segue_accounting *acc;
} artist_scan;

static void expect(artist_scan *s, double share) {
  segue_buffer *all[] = {&s->rows.full, &s->rows.full_hashes, &s->rows.bare, &s->rows.bare_hashes};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    segue_buffer_expect(all[i], segue_share_times(share));
  s->expects = true;
}

static segue_code on_artist(void *arg, const segue_record *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  artist_scan *s = arg;
  bool good = false, readable = false;
  s->acc->artist_rows++;
  if (!s->expects && segue_share_tells(r->share))
    expect(s, r->share);
  SEGUE_TRY(segue_row_read(&s->row, r, s->id, &good, st));
  if (!good)
    return SEGUE_OK;
  const segue_str *cells = s->row.fields.at;
  SEGUE_TRY(segue_genres_of_list(&s->reader, cells[s->genres], &readable, st));
  if (!readable) {
    s->acc->null_cells++;
    segue_report_cell(&s->row.report, r->line, s->src->columns[s->genres], cells[s->genres],
                      "a list of genres");
  }
  uint64_t h = segue_artist_hash(cells[s->id]);
  segue_artist a = {r->offset,       cells[s->id], cells[s->name],
                    s->reader.codes, s->reader.n,  segue_artist_tag(h)};
  bool full = a.n_genres > 0 || s->all_names;
  SEGUE_TRY(segue_artist_pack(full ? &s->rows.full : &s->rows.bare, &a, st));
  rc = segue_buffer_append(full ? &s->rows.full_hashes : &s->rows.bare_hashes, &h, sizeof h, st);
done:
  return rc;
}

/* Genre codes of this rank's dictionary to those of the common one. */
static void map_genres(segue_buffer *rows, const int32_t *map) {
  for (int64_t at = 0; at < rows->size;) {
    const packed_head *head = (const packed_head *)(const void *)(rows->data + at);
    int32_t *codes = (int32_t *)(void *)(rows->data + at + (int64_t)sizeof *head);
    for (int32_t i = 0; i < head->n_genres; i++)
      codes[i] = map[codes[i]];
    (void)segue_codes_tidy(codes, head->n_genres); /* distinct before, so still as many */
    at += head->total;
  }
}

static segue_code unite_genres(const segue_context *ctx, artist_scan *s, segue_artists *out,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  int32_t *map = segue_alloc(segue_dict_count(s->reader.names), sizeof *map, "genre codes", st);
  rc = map ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(segue_dict_union(ctx, s->reader.names, map, st));
  map_genres(&s->rows.full, map);
  out->genres = s->reader.names;
  s->reader.names = NULL;
done:
  free(map);
  return rc;
}

segue_code segue_artists_read(const segue_context *ctx, const segue_source *src,
                              const segue_ingest_params *params, bool all_names, segue_artists *out,
                              segue_accounting *acc, segue_status *st) {
  static const char *const required[] = {"id", "genres", "name"};
  segue_code rc = SEGUE_OK;
  artist_scan s = {.src = src, .acc = acc, .all_names = all_names};
  int64_t lines_before = 0;
  segue_row_reader_open(&s.row, ctx, src, params->max_reports);
  rc = segue_require_columns(src, required, 3, st);
  s.id = segue_source_column(src, "id");
  s.genres = segue_source_column(src, "genres");
  s.name = segue_source_column(src, "name");
  if (rc == SEGUE_OK)
    rc = segue_genre_reader_open(&s.reader, params->strip_quotes, st);
  SEGUE_AGREE(ctx, st);
  rc = segue_source_scan(ctx, src, on_artist, &s, &lines_before, st);
  segue_report_end(&s.row.report, lines_before);
  SEGUE_TRY(rc);
  acc->artist_rows_rejected += s.row.report.rejected;
  SEGUE_TRY(unite_genres(ctx, &s, out, st));
  rc = segue_artists_merge(ctx, &s.rows, all_names, out, acc, st);
done:
  segue_row_reader_free(&s.row);
  segue_genre_reader_free(&s.reader);
  segue_buffer_free(&s.rows.full);
  segue_buffer_free(&s.rows.full_hashes);
  segue_buffer_free(&s.rows.bare);
  segue_buffer_free(&s.rows.bare_hashes);
  return rc;
}

void segue_artists_free(segue_artists *a) {
  segue_dict_destroy(&a->genres);
  segue_buffer_free(&a->rows);
  free(a->full);
  free(a->others);
  memset(a, 0, sizeof *a);
}
