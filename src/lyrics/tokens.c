/* From lyrics to tokens, as Spark did it and as words are. */
#include <string.h>
#include <utf8proc.h>

#include "lyrics/words.h"

void segue_token_scratch_free(segue_token_scratch *s) {
  segue_buffer_free(&s->text);
  segue_buffer_free(&s->folded);
}

/* ---- Spark ML ---- */

static bool is_java_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

segue_code segue_tokens_spark(segue_str text, segue_token_scratch *scratch, segue_token_fn take,
                              void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer *lower = &scratch->text;
  int64_t empty = 0; /* tokens that count once something follows them */
  lower->size = 0;
  SEGUE_TRY(segue_text_lower(text, lower, st));
  const char *p = (const char *)lower->data, *end = p + lower->size;
  if (lower->size == 0)
    return take(arg, (segue_str){"", 0}, st);
  for (bool more = true; more; p++) {
    const char *from = p;
    while (p < end && !is_java_space(*p))
      p++;
    more = p < end;
    if (p == from) {
      empty++;
      continue;
    }
    for (; empty > 0; empty--)
      SEGUE_TRY(take(arg, (segue_str){"", 0}, st));
    SEGUE_TRY(take(arg, (segue_str){from, p - from}, st));
  }
done:
  return rc;
}

/* ---- words ---- */

typedef enum char_kind {
  OTHER,
  WORD,       /* letter, mark, number */
  UNSPACED,   /* the same of a script without spaces between words */
  APOSTROPHE, /* within a word if a word goes on behind it */
  NOTHING     /* format characters: as if they were not there */
} char_kind;

/* Scripts that do not part words by spaces, and Hangul, whose words carry particles: first and last
 * code points of blocks. NFKC has made compatibility forms (half-width kana) ordinary ones. */
static const struct {
  utf8proc_int32_t first, last;
} unspaced[] = {
    {0x0E00, 0x0EFF},  /* Thai, Lao */
    {0x1000, 0x109F},  /* Myanmar */
    {0x1100, 0x11FF},  /* Hangul jamo */
    {0x1780, 0x17FF},  /* Khmer */
    {0x2E80, 0x2FDF},  /* Han radicals */
    {0x3005, 0x3007},  /* Han: marks of repetition, zero */
    {0x3040, 0x30FF},  /* Hiragana, Katakana */
    {0x3105, 0x318F},  /* Bopomofo, Hangul compatibility jamo */
    {0x31A0, 0x31FF},  /* Bopomofo and Katakana extensions */
    {0x3400, 0x4DBF},  /* Han */
    {0x4E00, 0x9FFF},  /* Han */
    {0xAC00, 0xD7FF},  /* Hangul */
    {0xF900, 0xFAFF},  /* Han, compatibility */
    {0x20000, 0x3FFFF} /* Han, further planes */
};

static char_kind kind_of(utf8proc_int32_t c) {
  if (c < 0x80) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))
      return WORD;
    return c == '\'' ? APOSTROPHE : OTHER;
  }
  if (c == 0x2019)
    return APOSTROPHE;
  utf8proc_category_t k = utf8proc_category(c);
  if (k == UTF8PROC_CATEGORY_CF)
    return NOTHING;
  if (k < UTF8PROC_CATEGORY_LU || k > UTF8PROC_CATEGORY_NO)
    return OTHER;
  for (size_t i = 0; i < sizeof unspaced / sizeof *unspaced; i++)
    if (c >= unspaced[i].first && c <= unspaced[i].last)
      return UNSPACED;
  return WORD;
}

/* A run of characters of one kind; `word` holds it. */
typedef struct cutter {
  segue_buffer *word;
  char_kind kind;  /* OTHER: no run */
  bool apostrophe; /* one stands behind the run and waits for what follows */
  int64_t count;   /* UNSPACED: characters so far */
  segue_token_fn take;
  void *arg;
} cutter;

static segue_code end_run(cutter *c, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (c->kind == WORD || (c->kind == UNSPACED && c->count == 1))
    rc = c->take(c->arg, (segue_str){(const char *)c->word->data, c->word->size}, st);
  c->kind = OTHER;
  c->apostrophe = false;
  c->word->size = c->count = 0;
  return rc;
}

/* A bigram is given as soon as its second character is there; then `word` keeps that one alone. */
static segue_code add_unspaced(cutter *c, const void *bytes, int64_t n, segue_status *st) {
  segue_code rc = SEGUE_OK;
  if (c->count > 0) {
    int64_t first = c->word->size;
    SEGUE_TRY(segue_buffer_append(c->word, bytes, n, st));
    SEGUE_TRY(c->take(c->arg, (segue_str){(const char *)c->word->data, c->word->size}, st));
    memmove(c->word->data, c->word->data + first, (size_t)n);
    c->word->size = n;
  } else {
    SEGUE_TRY(segue_buffer_append(c->word, bytes, n, st));
  }
  c->count++;
done:
  return rc;
}

static segue_code add_char(cutter *c, utf8proc_int32_t code, const void *bytes, int64_t n,
                           segue_status *st) {
  segue_code rc = SEGUE_OK;
  char_kind kind = kind_of(code);
  if (kind == NOTHING)
    return SEGUE_OK;
  if (kind == APOSTROPHE && c->kind == WORD && !c->apostrophe) {
    c->apostrophe = true;
    return SEGUE_OK;
  }
  if (kind != c->kind || (c->apostrophe && kind != WORD))
    SEGUE_TRY(end_run(c, st));
  if (kind != WORD && kind != UNSPACED)
    return SEGUE_OK;
  c->kind = kind;
  if (kind == UNSPACED)
    return add_unspaced(c, bytes, n, st);
  if (c->apostrophe)
    SEGUE_TRY(segue_buffer_append(c->word, "'", 1, st));
  c->apostrophe = false;
  rc = segue_buffer_append(c->word, bytes, n, st);
done:
  return rc;
}

segue_code segue_tokens_words(segue_str text, segue_token_scratch *scratch, segue_token_fn take,
                              void *arg, segue_status *st) {
  segue_code rc = SEGUE_OK;
  segue_buffer *plain = &scratch->text, *folded = &scratch->folded;
  plain->size = folded->size = 0;
  SEGUE_TRY(segue_lyrics_plain(text, plain, st));
  SEGUE_TRY(segue_text_fold((segue_str){(const char *)plain->data, plain->size}, folded, st));
  plain->size = 0; /* done with: it holds the run from here on */
  cutter c = {.word = plain, .take = take, .arg = arg};
  for (int64_t at = 0; at < folded->size;) {
    utf8proc_int32_t code = -1;
    utf8proc_ssize_t n = utf8proc_iterate(folded->data + at, folded->size - at, &code);
    if (n <= 0) {
      at++;
      continue;
    }
    SEGUE_TRY(add_char(&c, code, folded->data + at, n, st));
    at += n;
  }
  rc = end_run(&c, st);
done:
  return rc;
}
