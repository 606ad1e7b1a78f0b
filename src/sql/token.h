/* SQL text as words, quoted texts and signs: enough to find where statements end and what kind they
 * are. Nothing here knows the grammar. */
#ifndef SEGUE_SQL_TOKEN_H
#define SEGUE_SQL_TOKEN_H

#include "segue/base.h"

typedef enum sql_token_kind {
  SQL_WORD,   /* a name or key word, as written */
  SQL_NAME,   /* "quoted" or `quoted` */
  SQL_STRING, /* 'quoted' or $$quoted$$ */
  SQL_NUMBER,
  SQL_SIGN /* one character */
} sql_token_kind;

typedef struct sql_token {
  sql_token_kind kind;
  int64_t start, end; /* bytes of the text, quotes included */
  int depth;          /* open parentheses and brackets around it; those of its own not counted */
} sql_token;

/* The tokens of one statement; its `;` is not among them. */
typedef struct sql_statement {
  const char *text; /* borrow */
  sql_token *tokens;
  int64_t n;
} sql_statement;

typedef struct sql_script {
  sql_token *tokens; /* of all statements */
  sql_statement *statements;
  int64_t n;
} sql_script;

/* Splits `text` (borrowed by the script) at semicolons; empty statements are left out. `*open` (may
 * be NULL) tells whether the text ends inside a quote, a comment, or a statement without `;`.
 * INPUT: a quote or comment that does not end, with line and column - unless `open` is given. */
segue_code sql_split(const char *text, sql_script *out, bool *open,
                     segue_status *st) SEGUE_MUST_USE;
void sql_script_free(sql_script *s);

/* Whether token i is the key word `word` (any case), or the sign of that one character. */
bool sql_is(const sql_statement *s, int64_t i, const char *word);
/* The text from token `from` up to token `to`, not included; to the end where to >= n. */
segue_str sql_text(const sql_statement *s, int64_t from, int64_t to);
/* Appends what a name or string means: quotes off, doubled ones single. */
segue_code sql_unquote(const sql_statement *s, int64_t i, segue_buffer *out,
                       segue_status *st) SEGUE_MUST_USE;
/* Appends 'text' or "text" with the quote doubled inside. */
segue_code sql_quote(segue_buffer *out, segue_str text, char quote,
                     segue_status *st) SEGUE_MUST_USE;

#endif
