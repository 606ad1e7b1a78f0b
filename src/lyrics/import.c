/* Lyrics from a dump: all ranks look up, rank 0 writes. */
#include <stdlib.h>
#include <string.h>

#include "lyrics/dump.h"
#include "lyrics/list.h"
#include "lyrics/wanted.h"

/* Block k of so many rows of the list is looked up by rank k % size. In a round each rank does one
 * block; gathered in rank order, lines come in the list's order. */
enum { BLOCK = 256 };

typedef struct importer {
  const segue_context *ctx;
  const segue_lyrics_params *params;
  int64_t fetched_us;
  segue_dump *dump;
  segue_journal *journal;                 /* rank 0 */
  segue_table *todo;                      /* this rank's rows */
  int64_t now[SEGUE_LYRICS_N_STATUSES];   /* of this rank, that are in the journal */
  int64_t round[SEGUE_LYRICS_N_STATUSES]; /* of the round at hand */
  segue_match_target target;
  segue_finding finding;
  segue_buffer artists, lines, all;
} importer;

/* Collective. The rows that the journal lacks, dealt out. */
static segue_code deal(importer *im, const segue_table *list, segue_lyrics_report *report,
                       int64_t *n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_table *mine = NULL;
  int64_t *rows = NULL, count = 0;
  int *dest = NULL;
  if (im->ctx->rank == 0)
    rc =
        segue_lyrics_wanted(im->journal, list, im->params->retry_errors, &rows, &count, report, st);
  if (rc == SEGUE_OK)
    rc = segue_lyrics_list_create(&mine, st);
  if (rc == SEGUE_OK && count > 0)
    rc = segue_table_append_rows(mine, list, rows, count, st);
  if (rc == SEGUE_OK && !(dest = segue_alloc(count, sizeof *dest, "row routing", st)))
    rc = SEGUE_MEMORY;
  for (int64_t i = 0; i < count && rc == SEGUE_OK; i++)
    dest[i] = (int)(i / BLOCK % im->ctx->size);
  SEGUE_AGREE(im->ctx, st);
  SEGUE_TRY(segue_table_exchange(im->ctx, mine, dest, &im->todo, st));
  SEGUE_TRY(segue_bcast(im->ctx, &count, sizeof count, 0, st));
  *n = count;
done:
  segue_table_destroy(&mine);
  free(rows);
  free(dest);
  return rc;
}

static segue_code look_up(importer *im, int64_t row, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n;
  SEGUE_TRY(segue_lyrics_target(im->todo, row, &im->target, &im->artists, &n, st));
  SEGUE_TRY(segue_dump_find(im->dump, segue_get_str(&im->todo->columns[SEGUE_LIST_TRACK_NAME], row),
                            (const char *)im->artists.data, n, &im->target, im->params->min_score,
                            &im->finding, st));
  segue_lyrics_line line = segue_finding_line(&im->finding);
  if (!line.source.data)
    line.source = segue_str_of("lrclib/dump");
  SEGUE_TRY(segue_lyrics_put_result(im->todo, row, &line, im->fetched_us, &im->lines, st));
  im->round[line.status]++;
done:
  return rc;
}

static bool stopped(const importer *im) {
  return im->params->stop && *im->params->stop;
}

/* Collective. */
static segue_code do_round(importer *im, int64_t round, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t to = (round + 1) * BLOCK;
  im->lines.size = im->all.size = 0;
  memset(im->round, 0, sizeof im->round);
  for (int64_t row = round * BLOCK; row < to && row < im->todo->n_rows && rc == SEGUE_OK; row++)
    rc = look_up(im, row, st);
  SEGUE_AGREE(im->ctx, st);
  SEGUE_TRY(segue_gather(im->ctx, im->lines.data, im->lines.size, 0, &im->all, NULL, st));
  if (im->ctx->rank == 0) {
    rc = segue_journal_append(im->journal, &im->all, st);
    if (rc == SEGUE_OK)
      rc = segue_journal_sync(im->journal, st);
  }
  SEGUE_AGREE(im->ctx, st);
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    im->now[s] += im->round[s];
  if (stopped(im))
    rc = segue_fail(st, SEGUE_STOPPED,
                    "stopped by a signal; what was found is saved, run the same "
                    "command again to go on");
  SEGUE_AGREE(im->ctx, st);
done:
  return rc;
}

static segue_code do_rounds(importer *im, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_progress progress;
  int64_t step = (int64_t)BLOCK * im->ctx->size;
  segue_progress_start(&progress, im->ctx->rank == 0 ? im->ctx->log.out : NULL, im->ctx->progress,
                       "import lyrics", "tracks", (double)n);
  for (int64_t round = 0; round * step < n && rc == SEGUE_OK; round++) {
    rc = do_round(im, round, st);
    segue_progress_update(&progress, (double)((round + 1) * step < n ? (round + 1) * step : n));
  }
  segue_progress_end(&progress, (double)n);
  return rc;
}

segue_code segue_lyrics_import(const segue_context *ctx, const segue_table *list,
                               const char *journal, const char *database, int64_t fetched_us,
                               const segue_lyrics_params *params, segue_lyrics_report *report,
                               segue_status *st) {
  segue_code rc = SEGUE_OK;
  importer im = {.ctx = ctx, .params = params, .fetched_us = fetched_us};
  int64_t n = 0;
  *report = (segue_lyrics_report){0};
  rc = segue_dump_open(database, &im.dump, st);
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = segue_journal_open(journal, &ctx->log, params->max_reports, &im.journal, st);
  SEGUE_AGREE(ctx, st);
  SEGUE_TRY(deal(&im, list, report, &n, st));
  rc = do_rounds(&im, n, st);
  if (rc == SEGUE_OK && ctx->rank == 0)
    rc = segue_journal_close(&im.journal, st);
  /* Counted also where it was stopped. */
  segue_status sum_st = {0};
  segue_code sum = segue_sum_int64(ctx, im.now, SEGUE_LYRICS_N_STATUSES, &sum_st);
  if (sum == SEGUE_OK)
    sum = segue_bcast(ctx, report, sizeof *report, 0, &sum_st);
  memcpy(report->now, im.now, sizeof im.now);
  for (int s = 0; s < SEGUE_LYRICS_N_STATUSES; s++)
    report->left -= im.now[s];
  if (rc == SEGUE_OK && sum != SEGUE_OK)
    rc = segue_fail(st, sum, "%s", sum_st.message);
  SEGUE_AGREE(ctx, st);
done:
  segue_dump_close(&im.dump);
  segue_journal_drop(&im.journal);
  segue_table_destroy(&im.todo);
  segue_match_target_free(&im.target);
  segue_finding_free(&im.finding);
  segue_buffer_free(&im.artists);
  segue_buffer_free(&im.lines);
  segue_buffer_free(&im.all);
  return rc;
}
