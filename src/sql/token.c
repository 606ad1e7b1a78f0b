#include "sql/token.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static bool is_word(char c) {
  return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the closing quote at or after `p`, or NULL. A doubled quote stands for one. */
static const char *behind_quote(const char *p, char quote, bool backslashes) {
  for (; *p; p++) {
    if (backslashes && *p == '\\' && p[1])
      p++;
    else if (*p == quote && p[1] == quote)
      p++;
    else if (*p == quote)
      return p + 1;
  }
  return NULL;
}

/* Comments nest, as in the engine. */
static const char *behind_comment(const char *p) {
  int depth = 0;
  for (; *p; p++) {
    if (p[0] == '/' && p[1] == '*') {
      depth++;
      p++;
    } else if (p[0] == '*' && p[1] == '/') {
      p++;
      if (--depth == 0)
        return p + 1;
    }
  }
  return NULL;
}

/* A $tag$ at p: behind the second one; NULL if there is none. `*is_tag` tells whether it is one. */
static const char *behind_dollars(const char *p, bool *is_tag) {
  const char *end = p + 1;
  while (is_word(*end) && !(end == p + 1 && isdigit((unsigned char)*end)))
    end++;
  *is_tag = *end == '$';
  if (!*is_tag)
    return NULL;
  size_t n = (size_t)(end - p) + 1;
  for (end++; *end; end++)
    if (strncmp(end, p, n) == 0)
      return end + n;
  return NULL;
}

static const char *skip_blank(const char *p, const char **torn) {
  for (;;) {
    while (isspace((unsigned char)*p))
      p++;
    if (p[0] == '-' && p[1] == '-') {
      p += strcspn(p, "\n");
    } else if (p[0] == '/' && p[1] == '*') {
      const char *end = behind_comment(p);
      if (!end) {
        *torn = p;
        return p + strlen(p);
      }
      p = end;
    } else {
      return p;
    }
  }
}

/* Behind the token at p; sets its kind. NULL: a quote that does not end. */
static const char *behind_token(const char *p, sql_token_kind *kind) {
  bool tag;
  *kind = SQL_STRING;
  if (*p == '\'')
    return behind_quote(p + 1, '\'', false);
  if ((*p == 'e' || *p == 'E') && p[1] == '\'')
    return behind_quote(p + 2, '\'', true);
  if (*p == '$') {
    const char *end = behind_dollars(p, &tag);
    if (tag)
      return end;
  }
  *kind = SQL_NAME;
  if (*p == '"' || *p == '`')
    return behind_quote(p + 1, *p, false);
  *kind = isdigit((unsigned char)*p) ? SQL_NUMBER : SQL_WORD;
  if (is_word(*p)) {
    while (is_word(*p) || (*kind == SQL_NUMBER && *p == '.') || (*kind == SQL_WORD && *p == '$'))
      p++;
    return p;
  }
  *kind = SQL_SIGN;
  return p + 1;
}

static segue_code torn_text(const char *text, const char *at, segue_status *st) {
  int64_t line = 1, column = 1;
  for (const char *p = text; p < at; p++) {
    line += *p == '\n';
    column = *p == '\n' ? 1 : column + 1;
  }
  return segue_fail(st, SEGUE_INPUT, "line %lld, column %lld: the %s that starts here does not end",
                    (long long)line, (long long)column, *at == '/' ? "comment" : "quoted text");
}

static segue_code scan(const char *text, segue_buffer *tokens, const char **torn,
                       segue_status *st) {
  int depth = 0;
  for (const char *p = skip_blank(text, torn); *p; p = skip_blank(p, torn)) {
    sql_token t = {.start = p - text};
    const char *end = behind_token(p, &t.kind);
    if (!end) {
      *torn = p;
      return SEGUE_OK;
    }
    bool closes = t.kind == SQL_SIGN && (*p == ')' || *p == ']');
    depth -= closes && depth > 0;
    t.depth = depth;
    depth += t.kind == SQL_SIGN && (*p == '(' || *p == '[');
    if (t.kind == SQL_SIGN && *p == ';')
      depth = t.depth = 0;
    t.end = end - text;
    segue_code rc = segue_buffer_append(tokens, &t, sizeof t, st);
    if (rc != SEGUE_OK)
      return rc;
    p = end;
  }
  return SEGUE_OK;
}

segue_code sql_split(const char *text, sql_script *out, bool *open, segue_status *st) {
  segue_buffer tokens = {0};
  const char *torn = NULL;
  *out = (sql_script){0};
  segue_code rc = scan(text, &tokens, &torn, st);
  if (rc == SEGUE_OK && torn && !open)
    rc = torn_text(text, torn, st);
  if (rc != SEGUE_OK) {
    segue_buffer_free(&tokens);
    return rc;
  }
  int64_t n = tokens.size / (int64_t)sizeof(sql_token), first = 0;
  out->tokens = (sql_token *)(void *)tokens.data;
  out->statements = segue_alloc(n + 1, sizeof *out->statements, "statements", st);
  if (!out->statements) {
    sql_script_free(out);
    return SEGUE_MEMORY;
  }
  for (int64_t i = 0; i <= n; i++) {
    bool ends = i == n || (out->tokens[i].kind == SQL_SIGN && text[out->tokens[i].start] == ';');
    if (ends && i > first)
      out->statements[out->n++] = (sql_statement){text, out->tokens + first, i - first};
    if (ends)
      first = i + 1;
  }
  if (open)
    *open = torn || (n > 0 && text[out->tokens[n - 1].start] != ';');
  return SEGUE_OK;
}

void sql_script_free(sql_script *s) {
  free(s->tokens);
  free(s->statements);
  *s = (sql_script){0};
}

bool sql_is(const sql_statement *s, int64_t i, const char *word) {
  if (i < 0 || i >= s->n)
    return false;
  const sql_token *t = &s->tokens[i];
  size_t n = strlen(word);
  return (t->kind == SQL_WORD || t->kind == SQL_SIGN) && t->end - t->start == (int64_t)n &&
         strncasecmp(s->text + t->start, word, n) == 0;
}

segue_str sql_text(const sql_statement *s, int64_t from, int64_t to) {
  if (from >= s->n || to <= from)
    return (segue_str){"", 0};
  int64_t start = s->tokens[from].start, end = s->tokens[(to < s->n ? to : s->n) - 1].end;
  return (segue_str){s->text + start, end - start};
}

segue_code sql_unquote(const sql_statement *s, int64_t i, segue_buffer *out, segue_status *st) {
  const sql_token *t = &s->tokens[i];
  const char *p = s->text + t->start, *end = s->text + t->end;
  if (t->kind != SQL_NAME && t->kind != SQL_STRING)
    return segue_buffer_append(out, p, end - p, st);
  if (*p == '$') {
    int64_t tag = (const char *)memchr(p + 1, '$', (size_t)(end - p - 1)) - p + 1;
    return segue_buffer_append(out, p + tag, end - p - 2 * tag, st);
  }
  p += *p == 'e' || *p == 'E';
  char quote = *p;
  for (p++, end--; p < end; p++) {
    segue_code rc = segue_buffer_append(out, p, 1, st);
    if (rc != SEGUE_OK)
      return rc;
    p += *p == quote;
  }
  return SEGUE_OK;
}

segue_code sql_quote(segue_buffer *out, segue_str text, char quote, segue_status *st) {
  segue_code rc = segue_buffer_append(out, &quote, 1, st);
  for (int64_t i = 0; i < text.size && rc == SEGUE_OK; i++) {
    rc = segue_buffer_append(out, text.data + i, 1, st);
    if (rc == SEGUE_OK && text.data[i] == quote)
      rc = segue_buffer_append(out, &quote, 1, st);
  }
  return rc == SEGUE_OK ? segue_buffer_append(out, &quote, 1, st) : rc;
}
