/* What the files that turn lyrics into vectors share. */
#ifndef SEGUE_LYRICS_WORDS_H
#define SEGUE_LYRICS_WORDS_H

#include "segue/lyrics.h"

/* ---- tokens.c ---- */

/* Receives the tokens of a text one by one; `token` is borrowed for the call. */
typedef segue_code (*segue_token_fn)(void *arg, segue_str token, segue_status *st);

/* Buffers that are used again from text to text. Start with {0}. */
typedef struct segue_token_scratch {
  segue_buffer text, folded;
} segue_token_scratch;

void segue_token_scratch_free(segue_token_scratch *s);

/* Local. Tokens as Spark ML's Tokenizer makes them: the text in lower case, split at each single
 * character of Java's \s (space and \t \n \v \f \r), so that several of them in a row give empty
 * tokens; empty ones at the end are left out; a text without any \s is one token. `text` is valid
 * UTF-8. */
segue_code segue_tokens_spark(segue_str text, segue_token_scratch *scratch, segue_token_fn take,
                              void *arg, segue_status *st) SEGUE_MUST_USE;

/* Local. Words as Unicode Standard Annex 29 cuts them, simplified, of the text without its markup
 * (segue_lyrics_plain), after NFKC and casefold:
 * - a word is a run of letters, marks and numbers (categories L, M, N); an apostrophe (' or U+2019,
 *   which becomes ') between two of them belongs to it; characters of category Cf are dropped;
 * - Han, kana, Hangul, Thai, Lao, Myanmar and Khmer are written without spaces, or with spaces
 *   between phrases: a run of such characters gives its bigrams, a run of one the character. */
segue_code segue_tokens_words(segue_str text, segue_token_scratch *scratch, segue_token_fn take,
                              void *arg, segue_status *st) SEGUE_MUST_USE;

/* ---- plain.c ---- */

/* Local. Appends the text without what nobody sings: whatever stands in [square brackets] on a
 * line, nested ones too (time stamps [01:02.33], headings [Chorus], tags [ar:...]); time stamps of
 * words <01:02.33>; and lines that are a heading in parentheses or before a colon: "(Chorus)",
 * "Verse 2:". A heading may name the artist, which would tell the answer. What is dropped leaves a
 * space. */
segue_code segue_lyrics_plain(segue_str text, segue_buffer *out, segue_status *st) SEGUE_MUST_USE;

/* ---- vectors.c ---- */

/* Local. MurmurHash3_x86_32 (Appleby, public domain) of the bytes of `s`. */
uint32_t segue_murmur3(segue_str s, uint32_t seed);

/* The feature of a token in Spark ML's HashingTF (Spark 3): murmur3 of its UTF-8 bytes, seed 42, as
 * a signed number modulo `n`, made positive. */
int32_t segue_hashing_tf(segue_str token, int32_t n);

enum { SEGUE_HASHING_FEATURES = 4096, SEGUE_HASHING_SEED = 42 };

/* The weight of a term that is `count` times in a text. */
double segue_term_weight(segue_token_rule rule, int32_t count, double idf);

#endif
