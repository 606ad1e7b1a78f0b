/* From tokens to sparse vectors: which terms, how often, and how telling each is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lyrics/words.h"

/* ---- hashing ---- */

static uint32_t rotate(uint32_t v, int by) {
  return v << by | v >> (32 - by);
}

static uint32_t scramble(uint32_t k) {
  return rotate(k * UINT32_C(0xcc9e2d51), 15) * UINT32_C(0x1b873593);
}

/* Spark has two: hashUnsafeBytes, which Spark 2 used, gives each byte of the last, incomplete word
 * a round of its own; hashUnsafeBytes2, of HashingTF since Spark 3, is the published function. This
 * is the published one. */
uint32_t segue_murmur3(segue_str s, uint32_t seed) {
  uint32_t h = seed, k = 0;
  int64_t at = 0;
  for (; at + 4 <= s.size; at += 4) {
    const unsigned char *p = (const unsigned char *)s.data + at;
    k = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    h = rotate(h ^ scramble(k), 13) * 5 + UINT32_C(0xe6546b64);
  }
  k = 0;
  for (int64_t i = s.size - 1; i >= at; i--)
    k = k << 8 | (unsigned char)s.data[i];
  h ^= scramble(k);
  h ^= (uint32_t)s.size;
  h = (h ^ h >> 16) * UINT32_C(0x85ebca6b);
  h = (h ^ h >> 13) * UINT32_C(0xc2b2ae35);
  return h ^ h >> 16;
}

int32_t segue_hashing_tf(segue_str token, int32_t n) {
  int64_t h = segue_murmur3(token, SEGUE_HASHING_SEED);
  h = h > INT32_MAX ? h - (INT64_C(1) << 32) : h;
  int64_t r = h % n;
  return (int32_t)(r < 0 ? r + n : r);
}

/* ---- counting ---- */

/* The text at hand: its distinct terms in order of appearance. */
typedef struct counter {
  segue_vectors *v;
  segue_dict *dict; /* NULL: hashing */
  int64_t row;
  void *last; /* int64_t by term: the row that had it last, plus one */
  void *slot; /* int64_t by term: where that row counts it */
  int64_t n_last, n_slot;
} counter;

static segue_code make_room(counter *c, int32_t term, segue_status *st) {
  int64_t before = c->n_last;
  if (term < before)
    return SEGUE_OK;
  segue_code rc = segue_grow(&c->slot, &c->n_slot, term + 1, sizeof(int64_t), "terms", st);
  if (rc == SEGUE_OK)
    rc = segue_grow(&c->last, &c->n_last, term + 1, sizeof(int64_t), "terms", st);
  if (rc == SEGUE_OK)
    memset((int64_t *)c->last + before, 0, (size_t)(c->n_last - before) * sizeof(int64_t));
  return rc;
}

static segue_code count_token(void *arg, segue_str token, segue_status *st) {
  segue_code rc = SEGUE_OK;
  counter *c = arg;
  int32_t term = 0, one = 1;
  if (c->dict)
    SEGUE_TRY(segue_dict_add(c->dict, token, &term, NULL, st));
  else
    term = segue_hashing_tf(token, SEGUE_HASHING_FEATURES);
  SEGUE_TRY(make_room(c, term, st));
  int64_t *last = (int64_t *)c->last + term, *slot = (int64_t *)c->slot + term;
  if (*last == c->row + 1) {
    ((int32_t *)(void *)c->v->counts.data)[*slot]++;
    return SEGUE_OK;
  }
  *last = c->row + 1;
  *slot = c->v->counts.size / (int64_t)sizeof one;
  SEGUE_TRY(segue_buffer_append(&c->v->terms, &term, sizeof term, st));
  SEGUE_TRY(segue_buffer_append(&c->v->counts, &one, sizeof one, st));
done:
  return rc;
}

static segue_code count_all(const segue_lyrics *lyrics, segue_token_rule rule, segue_dict *dict,
                            segue_vectors *v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_token_scratch scratch = {0};
  counter c = {.v = v, .dict = dict};
  v->starts = segue_alloc(lyrics->n + 1, sizeof *v->starts, "vectors", st);
  rc = v->starts ? SEGUE_OK : SEGUE_MEMORY;
  for (int64_t i = 0; i < lyrics->n && rc == SEGUE_OK; i++) {
    c.row = i;
    segue_str text = segue_lyrics_text(lyrics, i);
    rc = rule == SEGUE_TOKENS_SPARK ? segue_tokens_spark(text, &scratch, count_token, &c, st)
                                    : segue_tokens_words(text, &scratch, count_token, &c, st);
    v->starts[i + 1] = v->terms.size / (int64_t)sizeof(int32_t);
  }
  free(c.last);
  free(c.slot);
  segue_token_scratch_free(&scratch);
  return rc;
}

/* ---- order ---- */

typedef struct entry {
  int32_t term, count;
} entry;

static int by_term(const void *a, const void *b) {
  const entry *p = a, *q = b;
  return (p->term > q->term) - (p->term < q->term);
}

/* Gives terms their final numbers (`map`, or NULL) and sorts each row by them. */
static segue_code sort_rows(segue_vectors *v, const int32_t *map, segue_status *st) {
  int32_t *term = (int32_t *)(void *)v->terms.data, *count = (int32_t *)(void *)v->counts.data;
  int64_t longest = 0;
  for (int64_t i = 0; i < v->n; i++)
    longest = v->starts[i + 1] - v->starts[i] > longest ? v->starts[i + 1] - v->starts[i] : longest;
  entry *row = segue_alloc(longest, sizeof *row, "the terms of a text", st);
  if (!row)
    return SEGUE_MEMORY;
  for (int64_t i = 0; i < v->n; i++) {
    int64_t from = v->starts[i], n = v->starts[i + 1] - from;
    for (int64_t j = 0; j < n; j++)
      row[j] = (entry){map ? map[term[from + j]] : term[from + j], count[from + j]};
    qsort(row, (size_t)n, sizeof *row, by_term);
    for (int64_t j = 0; j < n; j++) {
      term[from + j] = row[j].term;
      count[from + j] = row[j].count;
    }
  }
  free(row);
  return SEGUE_OK;
}

/* ---- all ranks ---- */

/* Collective. Document frequencies over all ranks, and what follows from them. */
static segue_code weigh(const segue_context *ctx, segue_vectors *v, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const int32_t *term = (const int32_t *)(const void *)v->terms.data;
  int64_t *df = segue_alloc((int64_t)v->n_terms + 1, sizeof *df, "document frequencies", st);
  v->idf = segue_alloc(v->n_terms, sizeof *v->idf, "document frequencies", st);
  rc = df && v->idf ? SEGUE_OK : SEGUE_MEMORY;
  SEGUE_AGREE(ctx, st);
  for (int64_t i = 0; i < v->starts[v->n]; i++)
    df[term[i]]++;
  df[v->n_terms] = v->n;
  SEGUE_TRY(segue_sum_int64(ctx, df, (int64_t)v->n_terms + 1, st));
  v->n_documents = df[v->n_terms];
  for (int32_t t = 0; t < v->n_terms; t++)
    v->idf[t] = log((double)(v->n_documents + 1) / (double)(df[t] + 1));
done:
  free(df);
  return rc;
}

segue_code segue_vectors_make(const segue_context *ctx, const segue_lyrics *lyrics,
                              segue_token_rule rule, segue_vectors *out, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_dict *dict = NULL;
  int32_t *map = NULL;
  *out = (segue_vectors){.n = lyrics->n, .rule = rule, .n_terms = SEGUE_HASHING_FEATURES};
  if (rule == SEGUE_TOKENS_WORDS)
    rc = segue_dict_create(&dict, st);
  if (rc == SEGUE_OK)
    rc = count_all(lyrics, rule, dict, out, st);
  if (rc == SEGUE_OK && dict) {
    map = segue_alloc(segue_dict_count(dict), sizeof *map, "terms", st);
    rc = map ? SEGUE_OK : SEGUE_MEMORY;
  }
  SEGUE_AGREE(ctx, st);
  if (rule == SEGUE_TOKENS_WORDS) {
    SEGUE_TRY(segue_dict_union(ctx, dict, map, st));
    out->n_terms = segue_dict_count(dict);
  }
  rc = sort_rows(out, map, st);
  SEGUE_AGREE(ctx, st);
  rc = weigh(ctx, out, st);
done:
  free(map);
  segue_dict_destroy(&dict);
  if (rc != SEGUE_OK)
    segue_vectors_free(out);
  return rc;
}

void segue_vectors_free(segue_vectors *v) {
  free(v->starts);
  segue_buffer_free(&v->terms);
  segue_buffer_free(&v->counts);
  free(v->idf);
  *v = (segue_vectors){0};
}

double segue_term_weight(segue_token_rule rule, int32_t count, double idf) {
  return rule == SEGUE_TOKENS_SPARK ? count * idf : (1.0 + log(count)) * idf;
}

static const char *const rules[] = {"words", "spark"};

const char *segue_token_rule_name(segue_token_rule rule) {
  return rules[rule];
}

bool segue_token_rule_parse(const char *text, segue_token_rule *out) {
  for (int i = 0; i < (int)(sizeof rules / sizeof *rules); i++)
    if (strcmp(text, rules[i]) == 0) {
      *out = (segue_token_rule)i;
      return true;
    }
  return false;
}
