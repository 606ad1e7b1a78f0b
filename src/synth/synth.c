/* The command's work from settings to two finished files. */
#include "segue/synth.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

segue_synth_params segue_synth_defaults(const char *out_dir) {
  return (segue_synth_params){.out_dir = out_dir,
                              .n_tracks = 10000,
                              .n_artists = -1,
                              .n_genres = -1,
                              .seed = 42,
                              .hostile = true};
}

/* Fills in what is left open. The real set has 586,672 tracks, 1,104,349 artists and 4,406 genres,
 * and a smaller sample of it keeps more genres than its share: 2,342 for 45,858 tracks. */
static segue_code settle(segue_synth_params *p, segue_status *st) {
  if (p->n_tracks < 0 || p->n_tracks > INT32_MAX)
    return segue_fail(st, SEGUE_USAGE, "the number of tracks must be 0 to %d, not %lld", INT32_MAX,
                      (long long)p->n_tracks);
  if (p->n_artists < 0)
    p->n_artists = (int64_t)fmin(ceil((double)p->n_tracks * 1.8824), INT32_MAX);
  if (p->n_genres < 0)
    p->n_genres = (int64_t)fmin(ceil(4406 * pow((double)p->n_tracks / 586672, 0.45)), 1e6);
  if (p->n_artists > INT32_MAX || (p->n_artists == 0 && p->n_tracks > 0))
    return segue_fail(st, SEGUE_USAGE, "the number of artists must be 1 to %d, not %lld", INT32_MAX,
                      (long long)p->n_artists);
  if (p->n_genres > 1000000)
    return segue_fail(st, SEGUE_USAGE, "the number of genres must be 0 to 1000000, not %lld",
                      (long long)p->n_genres);
  if (p->n_malformed < 0 || p->n_malformed > INT32_MAX)
    return segue_fail(st, SEGUE_USAGE, "the number of malformed rows must be 0 to %d, not %lld",
                      INT32_MAX, (long long)p->n_malformed);
  if (p->n_unreadable < 0 || p->n_unreadable > p->n_tracks)
    return segue_fail(st, SEGUE_USAGE,
                      "the number of unreadable cells must be 0 to that of tracks, not %lld",
                      (long long)p->n_unreadable);
  return SEGUE_OK;
}

static segue_code make_world(synth_world *w, segue_status *st) {
  segue_code rc = SEGUE_OK;
  SEGUE_TRY(settle(&w->p, st));
  SEGUE_TRY(synth_genres_make((int)w->p.n_genres, SYNTH_WITH_GENRE * (double)w->p.n_tracks,
                              w->p.hostile, &w->genres, st));
  SEGUE_TRY(synth_artists_make(w, st));
  SEGUE_TRY(synth_means_make(w, st));
  w->track_order = synth_order_make(w->p.n_tracks, w->p.seed, "track order");
  w->artist_order = synth_order_make(w->p.n_artists, w->p.seed, "artist order");
  const synth_artists *a = &w->artists;
  for (int64_t i = 1; w->p.hostile && i < a->n_credited && i <= 8; i++)
    if (a->first_slot[i + 1] - a->first_slot[i] >= 2 && w->n_double_ids == i - 1)
      w->n_double_ids = i;
done:
  return rc;
}

/* A file on its way: its final name and the name until it is complete. Only rank 0 names it. */
typedef struct target {
  char *path;
  segue_buffer temporary; /* NUL-terminated, the same on all ranks */
} target;

static segue_code name_target(const synth_world *w, const char *name, target *t, segue_status *st) {
  segue_buffer path = {0};
  segue_code rc =
      segue_buffer_printf(&path, st, "%s/%s%s", w->p.out_dir, name, w->p.gzip ? ".gz" : "");
  if (rc != SEGUE_OK) {
    segue_buffer_free(&path);
    return rc;
  }
  t->path = (char *)path.data;
  char *temporary = segue_temp_name(t->path, st);
  if (!temporary)
    return SEGUE_MEMORY;
  segue_clean_stale(t->path, NULL);
  rc = segue_buffer_append(&t->temporary, temporary, (int64_t)strlen(temporary) + 1, st);
  free(temporary);
  return rc;
}

static void free_target(target *t) {
  free(t->path);
  segue_buffer_free(&t->temporary);
}

/* Collective. Counts of all ranks together. */
static segue_code add_up(const segue_context *ctx, const synth_world *w, synth_counts *c,
                         segue_synth_report *report, segue_status *st) {
  segue_code rc = SEGUE_OK;
  /* The report is nothing but int64_t counts, and summed as such. */
  static_assert(sizeof(segue_synth_report) % sizeof(int64_t) == 0, "counts only");
  int64_t sums[sizeof(segue_synth_report) / sizeof(int64_t)];
  memcpy(sums, &c->report, sizeof sums);
  SEGUE_TRY(segue_sum_int64(ctx, sums, (int64_t)(sizeof sums / sizeof sums[0]), st));
  SEGUE_TRY(segue_sum_int64(ctx, c->genre_tracks, w->p.n_genres, st));
  memcpy(report, sums, sizeof sums);
  report->artists_credited = w->artists.n_credited;
  for (int64_t i = 0; i < w->p.n_genres; i++) {
    report->genres += c->genre_tracks[i] > 0;
    if (c->genre_tracks[i] > report->largest_genre)
      report->largest_genre = c->genre_tracks[i];
  }
done:
  return rc;
}

segue_code segue_synth(const segue_context *ctx, const segue_synth_params *params,
                       segue_synth_report *report, segue_status *st) {
  static const char *const names[2] = {"tracks.csv", "artists.csv"};
  segue_code rc = SEGUE_OK;
  synth_world w = {.p = *params};
  synth_counts counts = {0};
  target targets[2] = {0};
  int64_t bytes[2] = {0, 0};
  memset(report, 0, sizeof *report);

  rc = make_world(&w, st);
  if (rc == SEGUE_OK &&
      !(counts.genre_tracks = segue_alloc(w.p.n_genres, sizeof(int64_t), "genres", st)))
    rc = SEGUE_MEMORY;
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = segue_make_dirs(w.p.out_dir, st);
  for (int i = 0; i < 2 && rc == SEGUE_OK && ctx->rank == 0; i++)
    rc = name_target(&w, names[i], &targets[i], st);
  SEGUE_AGREE(ctx, st);
  for (int i = 0; i < 2; i++) {
    SEGUE_TRY(segue_bcast_buffer(ctx, &targets[i].temporary, 0, st));
    SEGUE_TRY(synth_write_table(ctx, &w, i, (const char *)targets[i].temporary.data, &counts,
                                &bytes[i], st));
  }
  SEGUE_TRY(add_up(ctx, &w, &counts, report, st));
  report->track_bytes = bytes[0];
  report->artist_bytes = bytes[1];
  for (int i = 0; i < 2 && rc == SEGUE_OK && ctx->rank == 0; i++)
    rc = segue_commit_file((const char *)targets[i].temporary.data, targets[i].path, st);
  SEGUE_AGREE(ctx, st);
done:
  for (int i = 0; i < 2; i++) {
    if (rc != SEGUE_OK && ctx->rank == 0 && targets[i].temporary.data)
      unlink((const char *)targets[i].temporary.data);
    free_target(&targets[i]);
  }
  synth_artists_free(&w.artists);
  synth_genres_free(&w.genres);
  free(counts.genre_tracks);
  return rc;
}
