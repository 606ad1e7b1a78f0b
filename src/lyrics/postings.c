/* The inverted index of the terms beside the head, and what a query shares with candidates there.
 *
 * A posting has four bytes and sums are whole numbers, since the way through the caches is what a
 * posting costs: it is read once for each query that has the term, and meets a sum that the posting
 * before it did not bring near. Candidates stand in blocks of 65,536 so that a place fits into half
 * of a posting, and the sums of a block, 256 kB, into a second-level cache. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics/score_internal.h"

enum {
  POSTING_ONE = (1 << 16) - 1, /* the weight 1 in a posting */
  QUERY_ONE = 1 << 14          /* the weight 1 of a query's term */
};

static double inverse_root(double norm) {
  return norm > 0 ? 1.0 / sqrt(norm) : 0.0;
}

static bool in_tail(const segue_score *s, int64_t entry) {
  return s->head_of[s->text->term[entry]] < 0 && s->text->weight[entry] > 0;
}

/* ---- the index ---- */

/* Counts the lists' postings in at[list + 1], or puts them where at[list] says, by ascending place.
 */
static void visit_lists(segue_score *s, int64_t *at, bool put) {
  const segue_sparse *t = s->text;
  for (int64_t c = 0; c < s->g->n_candidates; c++) {
    int32_t row = segue_score_row(s, c);
    int64_t *of_block = at + c / s->block * t->n_terms;
    double scale = POSTING_ONE * inverse_root(s->norm_text[row]);
    for (int64_t e = t->starts[row]; e < t->starts[row + 1]; e++) {
      if (!in_tail(s, e))
        continue;
      if (put)
        s->posting[of_block[t->term[e]]++] =
            (uint32_t)(c % s->block) << 16 | (uint32_t)(t->weight[e] * scale + 0.5);
      else
        of_block[t->term[e] + 1]++;
    }
  }
}

segue_code segue_postings_make(segue_score *s, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = s->g->n_candidates, n_blocks = (n + s->block - 1) / s->block;
  int64_t n_lists = n_blocks * s->text->n_terms;
  int64_t *at = segue_alloc(n_lists + 1, sizeof *at, "postings", st);
  s->post_starts = segue_alloc(n_lists + 1, sizeof *s->post_starts, "postings", st);
  if (!at || !s->post_starts) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  visit_lists(s, s->post_starts, false);
  for (int64_t i = 0; i < n_lists; i++)
    s->post_starts[i + 1] += s->post_starts[i];
  s->posting = segue_alloc(s->post_starts[n_lists], sizeof *s->posting, "postings", st);
  if (!s->posting) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  memcpy(at, s->post_starts, (size_t)n_lists * sizeof *at);
  visit_lists(s, at, true);
done:
  free(at);
  return rc;
}

/* Rounding a posting's weight w by dw and a query's v by dv moves their product by at most
 * v*dw + w*dv + dv*dw; so the sum by at most dw + dv times the largest sum of a text's weights, and
 * dv*dw for each of its terms. */
float segue_postings_error(const segue_score *s) {
  const segue_sparse *t = s->text;
  double dw = 0.5 / POSTING_ONE, dv = 0.5 / QUERY_ONE, most = 0.0, longest = 0.0;
  for (int64_t i = 0; i < s->g->n; i++) {
    double sum = 0.0, terms = 0.0;
    for (int64_t e = t->starts[i]; e < t->starts[i + 1]; e++) {
      sum += in_tail(s, e) ? t->weight[e] : 0.0;
      terms += in_tail(s, e);
    }
    sum *= inverse_root(s->norm_text[i]);
    most = sum > most ? sum : most;
    longest = terms > longest ? terms : longest;
  }
  return (float)(1.001 * (most * (dw + dv) + longest * dw * dv));
}

/* ---- a block of queries ---- */

/* The queries' terms in the tail, which are looked up in every block of candidates. */
static void list_terms(segue_score *s, int64_t from, int64_t count) {
  const segue_sparse *t = s->text;
  int64_t n = 0;
  for (int64_t i = 0; i < count; i++) {
    int32_t row = s->g->queries[from + i];
    double scale = QUERY_ONE * inverse_root(s->norm_text[row]);
    s->tail_starts[i] = n;
    for (int64_t e = t->starts[row]; e < t->starts[row + 1]; e++)
      if (in_tail(s, e))
        s->tail[n++] = (segue_tail_term){t->term[e], (uint32_t)(t->weight[e] * scale + 0.5)};
  }
  s->tail_starts[count] = n;
}

/* sum[place] += weight * that of the posting. A sum of products of weights is at most 1, here
 * POSTING_ONE * QUERY_ONE < 2^30, and the same again for roundings would need texts of 10^8 terms.
 * Four at once, because the sums of a list are different ones. */
static void add_list(const segue_posting *restrict p, int64_t n, uint32_t weight,
                     uint32_t *restrict sum) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    uint32_t a = p[i], b = p[i + 1], c = p[i + 2], d = p[i + 3];
    sum[a >> 16] += weight * (a & POSTING_ONE);
    sum[b >> 16] += weight * (b & POSTING_ONE);
    sum[c >> 16] += weight * (c & POSTING_ONE);
    sum[d >> 16] += weight * (d & POSTING_ONE);
  }
  for (; i < n; i++)
    sum[p[i] >> 16] += weight * (p[i] & POSTING_ONE);
}

void segue_postings_add(segue_score *s, int64_t from, int64_t count, float *scores) {
  int64_t n = s->g->n_candidates;
  const float scale = (float)(1.0 / ((double)QUERY_ONE * POSTING_ONE));
  list_terms(s, from, count);
  for (int64_t first = 0; first < n; first += s->block) {
    const int64_t *starts = s->post_starts + first / s->block * s->text->n_terms;
    int64_t size = n - first < s->block ? n - first : s->block;
    for (int64_t i = 0; i < count; i++) {
      for (int64_t e = s->tail_starts[i]; e < s->tail_starts[i + 1]; e++) {
        int64_t start = starts[s->tail[e].term], end = starts[s->tail[e].term + 1];
        add_list(s->posting + start, end - start, s->tail[e].weight, s->sum);
        s->stats.postings += end - start;
      }
      segue_score_add(s->sum, size, scale, scores + i * n + first);
    }
  }
}
