/* What an evaluation gives its checkpoint, and takes from it. */
#include <stdlib.h>
#include <string.h>

#include "eval/run.h"

/* The pieces of one genre from piece `first` on, and what they add to its occurrence, as one entry;
 * `*end` becomes the piece after them. */
static segue_code put_pieces(segue_evaluation *e, int64_t first, int64_t *end, segue_status *st) {
  segue_code rc = SEGUE_OK;
  const segue_eval_piece *pieces = (const segue_eval_piece *)(const void *)e->pieces.data;
  int64_t n = e->pieces.size / (int64_t)sizeof *pieces, k = pieces[first].k;
  segue_eval_home *h = &e->homes[k];
  int64_t n_counts = h->g.n * e->p->n_k;
  for (*end = first; *end < n && pieces[*end].k == k;)
    ++*end;
  segue_eval_kept kept = {.genre = h->g.genre,
                          .n_tiles = segue_eval_tiles_of(e, h->g.genre),
                          .check = segue_eval_check(e->rows, &h->g, e->p),
                          .pieces = pieces + first,
                          .n_pieces = *end - first,
                          .rows = e->rows_of,
                          .occurrence = h->occurrence,
                          .n_counts = n_counts};
  SEGUE_TRY(segue_eval_keep(e->p->checkpoint, &kept, st));
  if (!h->saved) {
    h->saved = h->occurrence;
    h->occurrence = segue_alloc(n_counts, sizeof *h->occurrence, "k-occurrence", st);
    return h->occurrence ? SEGUE_OK : SEGUE_MEMORY;
  }
  for (int64_t i = 0; i < n_counts; i++) {
    h->saved[i] += h->occurrence[i];
    h->occurrence[i] = 0;
  }
done:
  return rc;
}

segue_code segue_eval_put_all(segue_evaluation *e, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int64_t n = e->pieces.size / (int64_t)sizeof(segue_eval_piece);
  while (rc == SEGUE_OK && e->n_saved < n)
    rc = put_pieces(e, e->n_saved, &e->n_saved, st);
  return rc;
}

segue_code segue_eval_save(segue_evaluation *e, segue_status *st) {
  segue_code rc = segue_eval_put_all(e, st);
  if (rc == SEGUE_OK)
    segue_checkpoint_save_or_warn(e->ctx, e->p->checkpoint);
  return rc;
}

/* An entry whose tiles another one has is left
 * out as a whole, since its occurrence is of all of them. */
void segue_eval_find_kept(segue_evaluation *e) {
  segue_checkpoint *c = e->p->checkpoint;
  for (int64_t i = 0; i < segue_checkpoint_count(c); i++) {
    segue_eval_kept_head head;
    segue_entry entry = segue_checkpoint_get(c, i);
    if (!segue_eval_kept_parse(entry, &head) || head.genre >= e->names.s->n ||
        head.n_tiles != segue_eval_tiles_of(e, head.genre))
      continue;
    bool *kept = e->kept + e->first_tile[head.genre];
    bool fits = true;
    int64_t *entry_of = e->entry_of + e->first_tile[head.genre];
    for (int64_t p = 0; p < head.n_pieces; p++)
      for (int64_t t = segue_eval_range(&head, p).tile; t < segue_eval_range(&head, p).end; t++) {
        fits &= !kept[t];
        kept[t] = true; /* so that a tile which stands twice in one entry is seen, too */
      }
    for (int64_t p = 0; p < head.n_pieces; p++)
      for (int64_t t = segue_eval_range(&head, p).tile; t < segue_eval_range(&head, p).end; t++) {
        entry_of[t] = fits ? i : entry_of[t];
        kept[t] = entry_of[t] >= 0;
      }
  }
}

/* Whether entry i is of the genre and its tiles are taken from it. */
static bool is_used(const segue_evaluation *e, int64_t i, int64_t genre) {
  segue_eval_kept_head head;
  return segue_eval_kept_parse(segue_checkpoint_get(e->p->checkpoint, i), &head) &&
         head.genre == genre && head.n_pieces > 0 &&
         head.n_tiles == segue_eval_tiles_of(e, genre) &&
         e->entry_of[e->first_tile[genre] + segue_eval_range(&head, 0).tile] == i;
}

segue_code segue_eval_load_kept(segue_evaluation *e, int64_t k, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_eval_home *h = &e->homes[k];
  int64_t genre = h->g.genre;
  segue_eval_kept kept = {.genre = genre,
                          .n_tiles = segue_eval_tiles_of(e, genre),
                          .check = segue_eval_check(e->rows, &h->g, e->p),
                          .rows = e->rows_of,
                          .n_counts = h->g.n * e->p->n_k};
  for (int64_t i = 0; i < segue_checkpoint_count(e->p->checkpoint); i++) {
    if (!is_used(e, i, genre))
      continue;
    if (!h->saved)
      h->saved = segue_alloc(kept.n_counts, sizeof *h->saved, "k-occurrence", st);
    kept.occurrence = h->saved;
    if (!h->saved)
      return SEGUE_MEMORY;
    SEGUE_TRY(segue_eval_load(e->p->checkpoint, i, &kept, &h->g, e->p, k, e->names.c->n_total,
                              &h->pieces, e->first_tile[genre], e->units_of, st));
  }
done:
  return rc;
}
