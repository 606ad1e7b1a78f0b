/* segue recommend and segue neighbors: songs like one song, from a run file. */
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "segue/recommend.h"

enum { OTHERS_SHOWN = 10 };

/* The song and where it is looked at. */
typedef struct request {
  segue_table *matches; /* rank 0: the songs that fit, the one taken first */
  segue_table *songs;   /* rank 0: those like it */
  int64_t track;        /* global index */
  segue_buffer genres;  /* int32_t: the song's genres, largest first */
  int32_t genre;        /* the one that is used */
  double *weights;      /* n_features, or NULL */
} request;

static void request_free(request *r) {
  segue_table_destroy(&r->matches);
  segue_table_destroy(&r->songs);
  segue_buffer_free(&r->genres);
  free(r->weights);
}

static segue_code check_options(const segue_settings *s, const char *command, segue_status *st) {
  if (!s->song_id && !s->title)
    return segue_fail(st, SEGUE_USAGE, "which song? segue %s needs --id, or --title", command);
  if (s->song_id && (s->title || s->artist_name))
    return segue_fail(st, SEGUE_USAGE,
                      "--id says which song; --title and --artist-name say it "
                      "another way: give one");
  return SEGUE_OK;
}

static segue_code find_song(segue_job *job, request *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  segue_song_query query = {s->song_id, s->title, s->artist_name};
  SEGUE_TRY(segue_song_find(&job->ctx, job->catalogue, &query, &r->matches, st));
  if (job->ctx.rank == 0 && r->matches->n_rows == 0)
    rc = segue_fail(st, SEGUE_INPUT, "no song with a genre has the %s '%s'%s%s%s in %s",
                    s->song_id ? "id" : "title", s->song_id ? s->song_id : s->title,
                    s->artist_name ? " by '" : "", s->artist_name ? s->artist_name : "",
                    s->artist_name ? "'" : "", s->run);
  SEGUE_AGREE(&job->ctx, st);
  if (job->ctx.rank == 0)
    r->track = segue_get_int(&r->matches->columns[segue_table_column(r->matches, "track")], 0);
  SEGUE_TRY(segue_bcast(&job->ctx, &r->track, sizeof r->track, 0, st));
done:
  return rc;
}

/* The largest of the song's genres, or the one that was asked for. */
static segue_code find_genre(segue_job *job, request *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_catalogue *c = job->catalogue;
  segue_buffer names = {0};
  SEGUE_TRY(segue_song_genres(&job->ctx, c, r->track, &r->genres, st));
  const int32_t *code = (const int32_t *)(const void *)r->genres.data;
  int64_t n = r->genres.size / (int64_t)sizeof *code;
  r->genre = n > 0 && !job->settings.genre ? code[0] : -1;
  for (int64_t i = 0; i < n; i++) {
    segue_str name = segue_dict_get(c->genres, code[i]);
    if (job->settings.genre && segue_str_eq(name, segue_str_of(job->settings.genre)))
      r->genre = code[i];
    SEGUE_TRY(
        segue_buffer_printf(&names, st, "%s%.*s", i ? ", " : "", segue_str_show(name), name.data));
  }
  if (r->genre < 0)
    rc = segue_fail(st, SEGUE_INPUT, "the song is not in the genre '%s'; its genres are: %s",
                    job->settings.genre ? job->settings.genre : "",
                    names.data ? (const char *)names.data : "");
done:
  segue_buffer_free(&names);
  return rc;
}

static segue_code find_weights(segue_job *job, request *r, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_run *run = NULL;
  segue_table *predictors = NULL;
  const segue_catalogue *c = job->catalogue;
  if (strcmp(job->settings.weights, "none") == 0)
    return SEGUE_OK;
  SEGUE_TRY(segue_run_open(&job->ctx, job->settings.run, &run, st));
  SEGUE_TRY(segue_run_read_table(&job->ctx, run, "results/genre_predictors", &predictors, st));
  r->weights = segue_alloc(c->n_features, sizeof *r->weights, "weights", st);
  rc = r->weights ? SEGUE_OK : SEGUE_MEMORY;
  if (rc == SEGUE_OK && job->ctx.rank == 0)
    rc = segue_predictor_weights(predictors, segue_dict_get(c->genres, r->genre),
                                 strcmp(job->settings.weights, "logistic") == 0, c->n_features,
                                 c->features, r->weights, st);
  SEGUE_AGREE(&job->ctx, st);
done:
  segue_run_close(&job->ctx, &run);
  segue_table_destroy(&predictors);
  return rc;
}

static segue_code find_songs(segue_job *job, request *r, segue_status *st) {
  const segue_settings *s = &job->settings;
  segue_recommend_params params = {
      .weights = r->weights, .k = s->n_songs, .years = -1, .min_similarity = -1.0};
  if (!segue_scale_parse(s->scale, &params.scale) ||
      !segue_knn_metric_parse(s->metric, &params.metric))
    return segue_fail(st, SEGUE_USAGE, "unknown --scale %s or --metric %s", s->scale, s->metric);
  if (job->command->bit == CMD_RECOMMEND) {
    params.other_artists = s->exclude_same_artist;
    params.leave_duplicates = strcmp(s->exclude, "duplicate") == 0;
    params.years = s->years;
    params.min_popularity = s->min_popularity;
    if (!segue_parse_double(segue_str_of(s->min_similarity), &params.min_similarity) ||
        params.min_similarity < -1 || params.min_similarity > 1)
      return segue_fail(st, SEGUE_USAGE, "--min-similarity must be a number from -1 to 1, not '%s'",
                        s->min_similarity);
  }
  return segue_recommend(&job->ctx, job->catalogue, r->genre, r->track, &params, &r->songs, st);
}

/* ---- what is shown ---- */

static void show_match(FILE *out, const segue_table *t, int64_t row) {
  segue_print_text(out, segue_get_str(&t->columns[segue_table_column(t, "name")], row));
  fputs(" - ", out);
  segue_print_text(out, segue_get_str(&t->columns[segue_table_column(t, "artist")], row));
  fputs("  ", out);
  segue_print_text(out, segue_get_str(&t->columns[segue_table_column(t, "id")], row));
  fputc('\n', out);
}

static void show_genre(FILE *out, const segue_job *job, const request *r) {
  const int32_t *code = (const int32_t *)(const void *)r->genres.data;
  int64_t n = r->genres.size / (int64_t)sizeof *code, others = 0;
  fputs("Genre  ", out);
  segue_print_text(out, segue_dict_get(job->catalogue->genres, r->genre));
  for (int64_t i = 0; i < n; i++)
    if (code[i] != r->genre) {
      fputs(others++ ? ", " : "  (others of the song: ", out);
      segue_print_text(out, segue_dict_get(job->catalogue->genres, code[i]));
    }
  fputs(others ? ")\n" : "\n", out);
}

/* Songs that fit as well as the one that was taken. */
static void show_others(FILE *out, const request *r) {
  int64_t others = r->matches->n_rows - 1;
  if (others < 1)
    return;
  fprintf(out, "%lld %s fit as well; --id says which is meant:\n", (long long)others,
          others == 1 ? "other song would" : "other songs would");
  for (int64_t i = 1; i <= others && i <= OTHERS_SHOWN; i++) {
    fputs("  ", out);
    show_match(out, r->matches, i);
  }
  if (others > OTHERS_SHOWN)
    fprintf(out, "  and %lld more\n", (long long)(others - OTHERS_SHOWN));
}

static void show(segue_job *job, const request *r) {
  const segue_settings *s = &job->settings;
  FILE *out = job->out;
  if (job->ctx.rank != 0)
    return;
  if (s->json) {
    segue_str genre = segue_dict_get(job->catalogue->genres, r->genre);
    json_t *matches = segue_table_json(r->matches);
    json_object_set(job->summary, "song", json_array_get(matches, 0));
    json_array_remove(matches, 0);
    json_object_set_new(job->summary, "other_matches", matches);
    json_object_set_new(job->summary, "genre", json_stringn(genre.data, (size_t)genre.size));
    json_object_set_new(job->summary, "songs", segue_table_json(r->songs));
  } else if (s->csv) {
    if (!s->quiet)
      show_others(job->ctx.log.out, r);
    segue_print_csv(out, r->songs);
  } else {
    fputs("Song   ", out);
    show_match(out, r->matches, 0);
    show_genre(out, job, r);
    show_others(out, r);
    fputc('\n', out);
    if (r->songs->n_rows > 0)
      segue_print_aligned(out, r->songs);
    else
      fputs("No song of the genre passes the filters.\n", out);
  }
}

static segue_code find(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  request r = {0};
  SEGUE_TRY(check_options(&job->settings, job->command->name, st));
  SEGUE_TRY(segue_step_read(job, st));
  SEGUE_TRY(find_song(job, &r, st));
  SEGUE_TRY(find_genre(job, &r, st));
  SEGUE_TRY(find_weights(job, &r, st));
  SEGUE_TRY(find_songs(job, &r, st));
  show(job, &r);
  segue_job_phase(job, "find songs", 0, NULL);
  SEGUE_TRY(segue_step_timings(job, st));
  segue_show_timings(job);
  segue_show_json(job);
done:
  request_free(&r);
  return rc;
}

segue_code segue_job_recommend(segue_job *job, segue_status *st) {
  return find(job, st);
}

segue_code segue_job_neighbors(segue_job *job, segue_status *st) {
  return find(job, st);
}
