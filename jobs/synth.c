/* segue synth: a made-up catalogue. */
#include "segue/synth.h"

#include "job.h"

static void show(segue_job *job, const segue_synth_report *r) {
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  const char *end = job->settings.gzip ? ".gz" : "";
  fprintf(job->out,
          "%s/tracks.csv%s   %lld rows, %.1f MB: %lld tracks have a genre, %lld rows in %lld "
          "genres, the largest with %lld\n",
          job->settings.out, end, (long long)r->track_rows, (double)r->track_bytes / 1e6,
          (long long)r->tracks_with_genre, (long long)r->rows, (long long)r->genres,
          (long long)r->largest_genre);
  fprintf(job->out, "%s/artists.csv%s  %lld rows, %.1f MB: %lld have a genre\n", job->settings.out,
          end, (long long)r->artist_rows, (double)r->artist_bytes / 1e6,
          (long long)r->artist_rows_with_genre);
}

segue_code segue_job_synth(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_settings *s = &job->settings;
  segue_synth_report r = {0};
  if (!s->out)
    return segue_fail(st, SEGUE_USAGE,
                      "segue synth needs --out, the directory for tracks.csv and artists.csv");
  segue_synth_params params = segue_synth_defaults(s->out);
  params.n_tracks = s->n_tracks;
  params.n_artists = s->n_artists;
  params.n_genres = s->n_genres;
  params.seed = (uint64_t)s->seed;
  params.hostile = !s->plain;
  params.crlf = s->crlf;
  params.bom = s->bom;
  params.gzip = s->gzip;
  params.n_malformed = s->malformed;
  params.n_unreadable = s->unreadable;
  SEGUE_TRY(segue_synth(&job->ctx, &params, &r, st));
  json_object_set_new(job->summary, "made",
                      json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "track_rows", (json_int_t)r.track_rows,
                                "artist_rows", (json_int_t)r.artist_rows, "tracks_with_genre",
                                (json_int_t)r.tracks_with_genre, "rows", (json_int_t)r.rows,
                                "genres", (json_int_t)r.genres, "largest_genre",
                                (json_int_t)r.largest_genre));
  segue_job_phase(job, "write", (double)(r.track_bytes + r.artist_bytes), "bytes");
  SEGUE_TRY(segue_step_timings(job, st));
  show(job, &r);
  segue_show_timings(job);
  segue_show_json(job);
done:
  return rc;
}
