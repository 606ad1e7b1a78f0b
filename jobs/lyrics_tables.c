/* segue lyrics convert and segue lyrics enrich: from JSON lines to Parquet. */
#include "lyrics.h"

void segue_lyrics_show_counts(segue_job *job, const char *path, const segue_lyrics_counts *c) {
  json_t *tracks = json_object();
  FILE *out = job->out;
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    json_object_set_new(tracks, segue_lyrics_status_name((segue_lyrics_status)s),
                        json_integer(c->tracks[s]));
  json_object_set_new(job->summary, "lines",
                      json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:o}", "path", path, "lines",
                                (json_int_t)c->lines, "blank", (json_int_t)c->blank, "malformed",
                                (json_int_t)c->malformed, "superseded", (json_int_t)c->superseded,
                                "unknown", (json_int_t)c->unknown, "tracks", tracks));
  if (job->ctx.rank != 0 || job->settings.json || job->settings.quiet)
    return;
  fprintf(out, "Lyrics read from %s\n", path);
  const struct {
    const char *words;
    int64_t n;
    bool always;
  } lines[] = {{"lines", c->lines, true},
               {"  rejected: malformed", c->malformed, true},
               {"  left out: blank", c->blank, false},
               {"  left out: another line of the track counts", c->superseded, false},
               {"  left out: track not in the run file", c->unknown, false}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (lines[i].always || lines[i].n > 0)
      fprintf(out, "  %-46s %12lld\n", lines[i].words, (long long)lines[i].n);
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    fprintf(out, "    tracks %-37s %12lld\n", segue_lyrics_status_name((segue_lyrics_status)s),
            (long long)c->tracks[s]);
}

/* Collective. Writes the table and ends the command. */
static segue_code write_table(segue_job *job, const segue_table *t, const char *path,
                              const segue_lyrics_counts *counts, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_lake_totals totals;
  SEGUE_TRY(segue_lake_write_partitioned(&job->ctx, job->settings.lake, t, &totals, st));
  segue_note_table(job, t->schema->name, &totals);
  segue_job_phase(job, "write lake", (double)totals.bytes, "bytes");
  SEGUE_TRY(segue_step_timings(job, st));
  segue_lyrics_show_counts(job, path, counts);
  segue_show_files(job);
  segue_show_timings(job);
  segue_show_json(job);
done:
  return rc;
}

static segue_code places(segue_job *job, segue_buffer *path, segue_status *st) {
  if (!job->settings.lake)
    return segue_fail(st, SEGUE_USAGE, "segue %s needs a lake to write to; see 'segue help %s'",
                      job->command->name, job->command->name);
  return segue_lyrics_place(job, job->settings.lyrics.lyrics, "lyrics", SEGUE_LYRICS_LINES_IN_LAKE,
                            path, st);
}

segue_code segue_job_lyrics_convert(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  segue_lyrics_counts counts;
  segue_table *t = NULL;
  SEGUE_TRY(places(job, &path, st));
  SEGUE_TRY(segue_lyrics_convert(&job->ctx, (const char *)path.data, (int)job->settings.max_reports,
                                 &t, &counts, st));
  segue_job_phase(job, "read lyrics", (double)counts.lines, "lines");
  SEGUE_TRY(write_table(job, t, (const char *)path.data, &counts, st));
done:
  segue_buffer_free(&path);
  segue_table_destroy(&t);
  return rc;
}

segue_code segue_job_lyrics_enrich(segue_job *job, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer path = {0};
  segue_lyrics lyrics = {0};
  segue_table *t = NULL;
  SEGUE_TRY(places(job, &path, st));
  SEGUE_TRY(segue_step_read(job, st));
  SEGUE_TRY(segue_lyrics_read(&job->ctx, (const char *)path.data, job->catalogue,
                              (int)job->settings.max_reports, &lyrics, st));
  segue_job_phase(job, "read lyrics", (double)lyrics.counts.lines, "lines");
  rc = segue_lyrics_enrich(job->catalogue, &lyrics, &t, st);
  SEGUE_AGREE(&job->ctx, st);
  SEGUE_TRY(write_table(job, t, (const char *)path.data, &lyrics.counts, st));
done:
  segue_buffer_free(&path);
  segue_lyrics_free(&lyrics);
  segue_table_destroy(&t);
  return rc;
}
