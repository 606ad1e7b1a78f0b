/* How often a negative pair lies farther apart than a positive one, over every pair. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
  MOST_STEPS = 16384,  /* of the lattice: its transform is quick */
  LARGE_ARTIST = 4096, /* from so many tracks on, a transform is quicker than all pairs */
  DIGITS = 10,         /* binary digits to which differences are compared off the lattice, */
  OCTAVES = 24,        /* down to 2^-24 of the range */
  MOST_VALUES = 4096,  /* off the lattice: more are joined with their neighbours */
  MADE_TIES = 1000,    /* the lattice is left where it ties more than 1/1000 of the pairs */
};

/* Mass of pairs in a class of differences. Beside each other: they are added to together. */
typedef struct mass {
  double positive, within; /* of positive pairs; of ordered pairs within artists, w_i * w_j */
} mass;

/* A track's place is a step of the lattice, and a difference's class the steps between; or, off
 * the lattice, its place is a distinct value and a class holds the differences that agree to
 * DIGITS digits. */
typedef struct places {
  int32_t *at; /* n: a track's place, artist by artist */
  int64_t *starts;
  int64_t n_places, n_classes;
  mass *apart;     /* n_classes */
  double *nearer;  /* n_classes */
  double *weight;  /* n_places: sum of 1 / artist size over the tracks there */
  double *value;   /* n_places, ascending; NULL on the lattice */
  uint32_t lowest; /* off the lattice: class 0 begins here */
} places;

static void places_free(places *l) {
  free(l->at);
  free(l->starts);
  free(l->apart);
  free(l->nearer);
  free(l->weight);
  free(l->value);
}

/* ---- places ---- */

/* Whether all values are whole numbers of 1/unit, up to the rounding of a decimal to a double. */
static bool on_grid(const double *x, int64_t n, double unit) {
  for (int64_t i = 0; i < n; i++) {
    double v = x[i] * unit;
    if (fabs(v - nearbyint(v)) > 1e-15 * fabs(v))
      return false;
  }
  return true;
}

/* Steps per unit of x that hold the values' own decimals; 0 where that takes too many. */
static double decimal_unit(const double *x, int64_t n, double span) {
  for (double unit = 1.0; span * unit <= MOST_STEPS && unit <= 1e9; unit *= 10.0)
    if (on_grid(x, n, unit))
      return unit;
  return 0.0;
}

/* Tracks' places from those of the sorted values. */
static void deal_out(places *l, const segue_keyed *sorted, const int32_t *place, int64_t n,
                     int32_t n_artists) {
  int64_t *at = l->starts + 1;
  for (int64_t k = 0; k < n; k++)
    at[sorted[k].value + 1]++;
  for (int32_t a = 0; a < n_artists; a++)
    at[a + 1] += at[a];
  for (int64_t k = 0; k < n; k++)
    l->at[at[sorted[k].value]++] = place[k];
}

/* Places by steps of 1/unit; returns whether they tie many pairs that differ. */
static bool by_steps(const segue_keyed *sorted, int64_t n, double unit, int32_t *place) {
  double made = 0;
  int64_t step_from = 0, value_from = 0; /* where the present step and value began */
  for (int64_t k = 0; k < n; k++) {
    int64_t step = llrint((sorted[k].key - sorted[0].key) * unit);
    place[k] = (int32_t)step;
    if (k > 0 && place[k] != place[k - 1])
      step_from = k;
    if (k > 0 && sorted[k].key != sorted[k - 1].key)
      value_from = k;
    made += (double)(value_from > step_from ? value_from - step_from : 0);
  }
  return made * 2.0 * MADE_TIES > (double)n * (double)n;
}

/* Places by distinct values, neighbours joined where there are too many; returns how many. */
static int64_t by_values(const segue_keyed *sorted, int64_t n, int32_t *place, double *value) {
  int64_t distinct = 0, kept;
  for (int64_t k = 0; k < n; k++)
    place[k] = (int32_t)(k > 0 && sorted[k].key != sorted[k - 1].key ? ++distinct : distinct);
  distinct++;
  kept = distinct < MOST_VALUES ? distinct : MOST_VALUES;
  for (int64_t k = 0, from = 0; k < n; k++) {
    place[k] = (int32_t)(place[k] * kept / distinct);
    if (k > 0 && place[k] != place[k - 1])
      from = k;
    value[place[k]] = from == k ? sorted[k].key : 0.5 * (sorted[from].key + sorted[k].key);
  }
  return kept;
}

/* The class of a difference, before the lowest is taken off: the first digits of a float. The
 * tiny factor lifts what rounding put just below a border, such as 0.7 - 0.2. */
static inline uint32_t digits_of(double difference) {
  float rounded = (float)(difference * (1.0 + 0x1p-20));
  uint32_t bits;
  memcpy(&bits, &rounded, sizeof bits);
  return bits >> (23 - DIGITS);
}

static inline int64_t class_of(double difference, uint32_t lowest) {
  uint32_t digits = digits_of(difference);
  return digits > lowest ? digits - lowest : difference > 0;
}

static segue_code choose_places(const double *x, int64_t n, segue_keyed *sorted, int32_t *place,
                                places *l, segue_status *st) {
  double span = sorted[n - 1].key - sorted[0].key, unit = 1.0;
  if (span > 0) {
    unit = decimal_unit(x, n, span);
    bool own = unit > 0;
    unit = own ? unit : MOST_STEPS / span;
    if (by_steps(sorted, n, unit, place) && !own) {
      l->value = segue_alloc(n < MOST_VALUES ? n : MOST_VALUES, sizeof *l->value, "values", st);
      if (!l->value)
        return SEGUE_MEMORY;
      l->n_places = by_values(sorted, n, place, l->value);
      uint32_t highest = digits_of(span);
      l->lowest = highest > OCTAVES << DIGITS ? highest - (OCTAVES << DIGITS) : 0;
      l->n_classes = class_of(span, l->lowest) + 1;
      return SEGUE_OK;
    }
  }
  l->n_places = l->n_classes = span > 0 ? place[n - 1] + 1 : 1;
  return SEGUE_OK;
}

static segue_code places_make(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                              places *l, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_keyed *sorted = segue_alloc(2 * n, sizeof *sorted, "values of a feature", st);
  int32_t *place = segue_alloc(n, sizeof *place, "places of a feature", st);
  l->at = segue_alloc(n, sizeof *l->at, "places of a feature", st);
  l->starts = segue_alloc((int64_t)n_artists + 2, sizeof *l->starts, "tracks by artist", st);
  if (!sorted || !place || !l->at || !l->starts) {
    rc = SEGUE_MEMORY;
    goto done;
  }
  for (int64_t i = 0; i < n; i++)
    sorted[i] = (segue_keyed){x[i], artist[i]};
  segue_sort_keyed(sorted, sorted + n, n);
  SEGUE_TRY(choose_places(x, n, sorted, place, l, st));
  deal_out(l, sorted, place, n, n_artists);
  l->apart = segue_alloc(l->n_classes, sizeof *l->apart, "pairs by difference", st);
  l->nearer = segue_alloc(l->n_classes, sizeof *l->nearer, "pairs by difference", st);
  l->weight = segue_alloc(l->n_places, sizeof *l->weight, "weights by place", st);
  rc = l->apart && l->nearer && l->weight ? SEGUE_OK : SEGUE_MEMORY;
done:
  free(sorted);
  free(place);
  return rc;
}

/* ---- positive pairs ---- */

/* Pairs of one artist's n tracks, each with the masses of `m`. */
static void add_pairs(places *l, const int32_t *at, int64_t n, mass m) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      mass *cell = &l->apart[at[i] > at[j] ? at[i] - at[j] : at[j] - at[i]];
      cell->positive += m.positive;
      cell->within += m.within;
    }
}

static void add_pairs_by_value(places *l, const int32_t *at, int64_t n, mass m) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      mass *cell = &l->apart[class_of(fabs(l->value[at[i]] - l->value[at[j]]), l->lowest)];
      cell->positive += m.positive;
      cell->within += m.within;
    }
}

/* The same by a transform: numbers of pairs are whole, so that its error is rounded off. */
static segue_code add_many_pairs(places *l, const int32_t *at, int64_t n, mass m,
                                 segue_status *st) {
  for (int64_t k = 0; k < l->n_classes; k++)
    l->nearer[k] = 0.0;
  for (int64_t i = 0; i < n; i++)
    l->nearer[at[i]] += 1.0;
  segue_code rc = segue_autocorrelation(l->nearer, l->n_classes, l->nearer, st);
  for (int64_t k = 0; k < l->n_classes && rc == SEGUE_OK; k++) {
    double pairs = nearbyint(l->nearer[k]);
    if (k == 0) /* a track with itself is no pair, and the others are there twice */
      pairs = 0.5 * (pairs - (double)n);
    l->apart[k].positive += pairs * m.positive;
    l->apart[k].within += pairs * m.within;
  }
  return rc;
}

static segue_code add_artists(places *l, int32_t n_artists, int64_t n_several, segue_status *st) {
  segue_code rc = SEGUE_OK;
  for (int32_t a = 0; a < n_artists && rc == SEGUE_OK; a++) {
    const int32_t *at = l->at + l->starts[a];
    int64_t n = l->starts[a + 1] - l->starts[a];
    double m = (double)n;
    for (int64_t i = 0; i < n; i++)
      l->weight[at[i]] += 1.0 / m;
    if (n < 2)
      continue;
    mass each = {2.0 / (m * (m - 1.0) * (double)n_several), 2.0 / (m * m)};
    if (l->value)
      add_pairs_by_value(l, at, n, each);
    else if (n < LARGE_ARTIST)
      add_pairs(l, at, n, each);
    else
      rc = add_many_pairs(l, at, n, each, st);
  }
  return rc;
}

/* Makes of the positive mass in each class the chance C that a positive pair is nearer, with half
 * of those in the same class; returns the sum of C * within. */
static double accumulate(places *l) {
  double nearer = 0, sum = 0;
  for (int64_t k = 0; k < l->n_classes; k++) {
    double here = l->apart[k].positive;
    l->nearer[k] = nearer + 0.5 * here;
    nearer += here;
    sum += l->nearer[k] * l->apart[k].within;
  }
  return sum;
}

/* ---- all pairs ---- */

enum { LANES = 8 };

/* The sum of w_i w_j C(|x_i - x_j|) over ordered pairs of different steps, by going through all. */
SEGUE_CLONES
static double over_steps(const int32_t *step, const double *w, int64_t n, const double *c) {
  double total = 0;
  for (int64_t i = 0; i < n; i++) {
    double sum[LANES] = {0}, all = 0;
    int64_t j = i + 1;
    for (; j + LANES <= n; j += LANES)
      for (int k = 0; k < LANES; k++)
        sum[k] += w[j + k] * c[step[j + k] - step[i]];
    for (; j < n; j++)
      sum[0] += w[j] * c[step[j] - step[i]];
    for (int k = 0; k < LANES; k++)
      all += sum[k];
    total += 2.0 * w[i] * all;
  }
  return total;
}

SEGUE_CLONES
static double over_values(const double *value, const double *w, int64_t n, const double *c,
                          uint32_t lowest) {
  double total = 0;
  for (int64_t i = 0; i < n; i++) {
    double sum[LANES] = {0}, all = 0;
    int64_t j = i + 1;
    for (; j + LANES <= n; j += LANES)
      for (int k = 0; k < LANES; k++)
        sum[k] += w[j + k] * c[class_of(value[j + k] - value[i], lowest)];
    for (; j < n; j++)
      sum[0] += w[j] * c[class_of(value[j] - value[i], lowest)];
    for (int k = 0; k < LANES; k++)
      all += sum[k];
    total += 2.0 * w[i] * all;
  }
  return total;
}

/* As over_steps over the steps that bear weight, or by a transform, whichever is quicker. */
static segue_code on_lattice(places *l, double *sum, segue_status *st) {
  double logs = log2((double)l->n_places) + 2.0;
  int64_t taken = 0;
  for (int64_t k = 0; k < l->n_places; k++)
    taken += l->weight[k] > 0;
  if ((double)taken * (double)taken < 9.0 * (double)l->n_places * logs) {
    int32_t *step = segue_alloc(taken, sizeof *step, "steps", st);
    if (!step)
      return SEGUE_MEMORY;
    taken = 0;
    for (int64_t k = 0; k < l->n_places; k++)
      if (l->weight[k] > 0) {
        step[taken] = (int32_t)k;
        l->weight[taken++] = l->weight[k];
      }
    *sum += over_steps(step, l->weight, taken, l->nearer);
    free(step);
    return SEGUE_OK;
  }
  segue_code rc = segue_autocorrelation(l->weight, l->n_places, l->weight, st);
  for (int64_t k = 1; k < l->n_places && rc == SEGUE_OK; k++)
    *sum += 2.0 * l->nearer[k] * l->weight[k];
  return rc;
}

segue_code segue_pair_auc(const double *x, const int32_t *artist, int64_t n, int32_t n_artists,
                          double *auc, segue_status *st) {
  segue_code rc = SEGUE_OK;
  places l = {0};
  int64_t n_several = 0;
  double same_place = 0, artists = (double)n_artists;
  *auc = NAN;
  SEGUE_TRY(places_make(x, artist, n, n_artists, &l, st));
  for (int32_t a = 0; a < n_artists; a++) {
    int64_t m = l.starts[a + 1] - l.starts[a];
    n_several += m > 1;
    same_place -= 1.0 / (double)m; /* a track with itself is no pair */
  }
  if (n_several == 0)
    goto done;
  if (l.n_places == 1) { /* constant: all pairs are ties, to the bit */
    *auc = 0.5;
    goto done;
  }
  SEGUE_TRY(add_artists(&l, n_artists, n_several, st));
  double within = accumulate(&l);
  for (int64_t k = 0; k < l.n_places; k++)
    same_place += l.weight[k] * l.weight[k];
  double sum = l.nearer[0] * same_place;
  if (l.value)
    sum += over_values(l.value, l.weight, l.n_places, l.nearer, l.lowest);
  else
    SEGUE_TRY(on_lattice(&l, &sum, st));
  *auc = fmin(fmax((sum - within) / (artists * (artists - 1.0)), 0.0), 1.0);
done:
  places_free(&l);
  return rc;
}
