#include "segue/base.h"

#include <errno.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t segue_hash(const void *data, int64_t size, uint64_t seed) {
  return XXH3_64bits_withSeed(size > 0 ? data : "", (size_t)size, seed);
}

segue_code segue_sha256_file(const char *path, char hex[65], int64_t *size, segue_status *st) {
  enum { BLOCK = 1 << 18 }; /* stays in the cache between reading and hashing */
  segue_code rc = SEGUE_OK;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_MD_CTX *md = NULL;
  unsigned char *block = NULL;
  *size = 0;
  FILE *f = fopen(path, "rb");
  if (!f) {
    rc = segue_fail_errno(st, SEGUE_INPUT, errno, "cannot open %s", path);
    goto done;
  }
  setvbuf(f, NULL, _IONBF, 0); /* blocks are read as they are */
  block = segue_alloc(BLOCK, 1, "a block of a file", st);
  md = EVP_MD_CTX_new();
  if (!block || !md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
    rc = segue_fail(st, SEGUE_MEMORY, "cannot set up SHA-256 for %s", path);
    goto done;
  }
  size_t n;
  while ((n = fread(block, 1, BLOCK, f)) > 0) {
    *size += (int64_t)n;
    if (EVP_DigestUpdate(md, block, n) != 1) {
      rc = segue_fail(st, SEGUE_INTERNAL, "SHA-256 of %s failed", path);
      goto done;
    }
  }
  if (ferror(f)) {
    rc = segue_fail_errno(st, SEGUE_IO, errno, "cannot read %s", path);
    goto done;
  }
  if (EVP_DigestFinal_ex(md, digest, &length) != 1) {
    rc = segue_fail(st, SEGUE_INTERNAL, "SHA-256 of %s failed", path);
    goto done;
  }
  for (unsigned i = 0; i < 32; i++)
    snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
done:
  if (f)
    fclose(f);
  free(block);
  EVP_MD_CTX_free(md);
  return rc;
}

static uint64_t splitmix(uint64_t *x) {
  uint64_t z = (*x += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

void segue_rng_seed(segue_rng *r, uint64_t seed, const char *purpose, segue_str name) {
  uint64_t x = segue_hash(purpose, (int64_t)strlen(purpose), seed);
  x = segue_hash(name.data, name.size, x);
  for (int i = 0; i < 4; i++)
    r->s[i] = splitmix(&x);
}

double segue_rng_double(segue_rng *r) {
  return (double)(segue_rng_next(r) >> 11) * 0x1p-53;
}

double segue_rng_normal(segue_rng *r) {
  double u = 1.0 - segue_rng_double(r), v = segue_rng_double(r);
  return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * v);
}
