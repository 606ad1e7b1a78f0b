/* The product of a leaf and a few queries for one width of vector. Included by panel.c once for
 * each kind of processor, with
 *   PANEL_NAME   the name of the function to define
 *   PANEL_LANES  floats in a vector
 *   PANEL_WIDE   vectors of candidates treated at once: 4 queries times this many sums must fit
 *                into registers, with room for the factors
 *   PANEL_TARGET attributes that allow the instructions
 * Vectors are those of the compiler's language extension, which every processor has in some form:
 * arrays in plain loops do not stay in registers reliably enough. */

#define PANEL_JOIN2(a, b) a##_##b
#define PANEL_JOIN(a, b) PANEL_JOIN2(a, b)
#define VECTOR PANEL_JOIN(PANEL_NAME, vector)
#define BITS PANEL_JOIN(PANEL_NAME, bits)
#define ROWS PANEL_JOIN(PANEL_NAME, rows)

typedef float VECTOR
    __attribute__((vector_size(PANEL_LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t BITS __attribute__((vector_size(PANEL_LANES * sizeof(int32_t)),
                                    aligned(sizeof(int32_t)), may_alias));

/* `rows` and `l1` are constants where this is called, and all inner loops unroll. */
PANEL_TARGET SEGUE_KNN_INLINE void ROWS(const int rows, const bool l1, const float *z,
                                        const float *start, int64_t d, const float *const *x,
                                        float *out) {
  for (int from = 0; from < PANEL_LEAF; from += PANEL_LANES * PANEL_WIDE) {
    VECTOR sum[PANEL_ROWS][PANEL_WIDE];
    for (int v = 0; v < PANEL_WIDE; v++) {
      int at = from + v * PANEL_LANES;
      for (int r = 0; r < rows; r++)
        sum[r][v] = *(const VECTOR *)(start ? start + at : out + r * PANEL_LEAF + at);
    }
    for (int64_t j = 0; j < d; j++) {
      const float *at = z + j * PANEL_LEAF + from;
      VECTOR c[PANEL_WIDE];
      for (int v = 0; v < PANEL_WIDE; v++)
        c[v] = *(const VECTOR *)(at + v * PANEL_LANES);
      for (int r = 0; r < rows; r++) {
        float q = x[r][j];
        for (int v = 0; v < PANEL_WIDE; v++)
          if (l1) {
            VECTOR t = q - c[v];
            sum[r][v] += (VECTOR)((BITS)t & 0x7fffffff);
          } else {
            sum[r][v] += q * c[v];
          }
      }
    }
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < PANEL_WIDE; v++)
        *(VECTOR *)(out + r * PANEL_LEAF + from + v * PANEL_LANES) = sum[r][v];
  }
}

PANEL_TARGET static void PANEL_NAME(bool l1, const float *z, const float *start, int64_t d,
                                    const float *const x[PANEL_ROWS], int rows, float *out) {
  if (l1 && rows > 2)
    ROWS(4, true, z, start, d, x, out);
  else if (l1)
    ROWS(2, true, z, start, d, x, out);
  else if (rows > 2)
    ROWS(4, false, z, start, d, x, out);
  else if (rows == 2)
    ROWS(2, false, z, start, d, x, out);
  else
    ROWS(1, false, z, start, d, x, out);
}

#undef PANEL_JOIN2
#undef PANEL_JOIN
#undef VECTOR
#undef BITS
#undef ROWS
#undef PANEL_NAME
#undef PANEL_LANES
#undef PANEL_WIDE
#undef PANEL_TARGET
