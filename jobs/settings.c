/* From argv, --config and the profile to settings. Everything is text first; one pass gives it
 * types. */
#include "settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* The text of each option as it was given; NULL: not given. */
typedef struct given {
  const char *text[SEGUE_MAX_OPTIONS];
} given;

static int find_option(const char *name, segue_command_bits bit) {
  int n;
  const segue_option *o = segue_options(&n);
  for (int i = 0; i < n; i++)
    if ((o[i].commands & bit) && strcmp(o[i].name, name) == 0)
      return i;
  return -1;
}

/* ---- suggestions ---- */

static segue_code unknown_option(const char *word, const segue_command *command, segue_status *st) {
  int n, at = -1;
  const segue_option *o = segue_options(&n);
  char name[64];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
  int best = (int)strlen(name) / 3 + 2; /* one slip, or one in three letters */
  for (int i = 0; i < n; i++) {
    int d = segue_text_distance(segue_str_of(name), segue_str_of(o[i].name), NULL);
    if ((o[i].commands & command->bit) && d >= 0 && d < best) {
      best = d;
      at = i;
    }
  }
  if (at >= 0)
    return segue_fail(st, SEGUE_USAGE, "segue %s has no option --%s; did you mean --%s?",
                      command->name, name, o[at].name);
  return segue_fail(st, SEGUE_USAGE, "segue %s has no option --%s; see 'segue help %s'",
                    command->name, name, command->name);
}

/* ---- the command line ---- */

static segue_code read_words(given *g, const segue_command *command, int argc, char **argv,
                             segue_status *st) {
  int n, used = 0;
  const segue_option *o = segue_options(&n);
  struct option longs[SEGUE_MAX_OPTIONS + 1];
  memset(longs, 0, sizeof longs);
  for (int i = 0; i < n; i++)
    if (o[i].commands & command->bit)
      longs[used++] = (struct option){
          o[i].name, o[i].kind == OPT_FLAG ? no_argument : required_argument, NULL, 256 + i};
  opterr = 0;
  optind = 0; /* glibc: start anew, also when called a second time */
  for (;;) {
    int c = getopt_long(argc, argv, ":hqvf:", longs, NULL);
    if (c < 0)
      break;
    /* getopt_long moves words behind options, so the one at hand is the last that it passed. */
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    if (c == 'h')
      c = 256 + find_option("help", command->bit);
    else if (c == 'q' || c == 'v')
      c = 256 + find_option(c == 'q' ? "quiet" : "verbose", command->bit);
    else if (c == 'f' && find_option("file", command->bit) >= 0)
      c = 256 + find_option("file", command->bit);
    if (c == ':')
      return segue_fail(st, SEGUE_USAGE, "%s needs a value; see 'segue help %s'", word,
                        command->name);
    if (c == '?' && optopt >= 256)
      return segue_fail(st, SEGUE_USAGE, "--%s takes no value", o[optopt - 256].name);
    if (c == '?' && strncmp(word, "--", 2) == 0)
      return unknown_option(word + 2, command, st);
    if (c < 256)
      return segue_fail(st, SEGUE_USAGE, "segue %s has no option -%c; see 'segue help %s'",
                        command->name, c == 'f' ? c : optopt, command->name);
    g->text[c - 256] = o[c - 256].kind == OPT_FLAG ? "true" : optarg;
  }
  for (int i = 0; optind < argc; i++, optind++) {
    int at =
        i < 3 && command->positional[i] ? find_option(command->positional[i], command->bit) : -1;
    if (at < 0)
      return segue_fail(st, SEGUE_USAGE,
                        "segue %s does not take the word '%s' here; see 'segue help %s'",
                        command->name, argv[optind], command->name);
    if (g->text[at])
      return segue_fail(st, SEGUE_USAGE, "'%s' and --%s both say the same thing; give one",
                        argv[optind], o[at].name);
    g->text[at] = argv[optind];
  }
  return SEGUE_OK;
}

/* ---- --config ---- */

const char *segue_settings_config_path(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--config") == 0)
      return i + 1 < argc ? argv[i + 1] : NULL;
    if (strncmp(argv[i], "--config=", 9) == 0)
      return argv[i] + 9;
  }
  return NULL;
}

/* Numbers and lists become the text that the command line would hold. */
static char *json_text(const json_t *v) {
  if (json_is_string(v))
    return strdup(json_string_value(v));
  if (json_is_boolean(v))
    return strdup(json_is_true(v) ? "true" : "false");
  if (json_is_number(v))
    return json_dumps(v, JSON_ENCODE_ANY);
  if (!json_is_array(v))
    return NULL;
  segue_buffer b = {0};
  size_t i;
  json_t *item;
  json_array_foreach(v, i, item) {
    char *text = json_is_array(item) ? NULL : json_text(item);
    segue_code rc = text ? segue_buffer_printf(&b, NULL, "%s%s", i ? "," : "", text) : SEGUE_INPUT;
    free(text);
    if (rc != SEGUE_OK) {
      segue_buffer_free(&b);
      return NULL;
    }
  }
  return b.data ? (char *)b.data : strdup("");
}

static segue_code read_config(given *g, segue_settings *s, const segue_command *command,
                              const char *text, segue_status *st) {
  json_error_t error;
  const char *key;
  json_t *value;
  s->config_json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  if (!s->config_json)
    return segue_fail(st, SEGUE_USAGE, "the file of --config is not JSON: line %d, column %d: %s",
                      error.line, error.column, error.text);
  if (!json_is_object(s->config_json))
    return segue_fail(st, SEGUE_USAGE, "the file of --config must hold a JSON object of options");
  json_object_foreach(s->config_json, key, value) {
    int at = find_option(key, command->bit);
    if (at < 0) {
      /* One file may serve several commands, so another command's option is no mistake. */
      if (find_option(key, CMD_ALL) >= 0)
        continue;
      return unknown_option(key, command, st);
    }
    if (g->text[at] || json_is_null(value))
      continue;
    s->own[at] = json_text(value);
    if (!s->own[at])
      return segue_fail(
          st, SEGUE_USAGE,
          "%s in the file of --config must be a text, a number, true, false or a list of these",
          key);
    g->text[at] = s->own[at];
  }
  return SEGUE_OK;
}

/* ---- types ---- */

static bool is_choice(const char *text, const char *choices) {
  size_t n = strlen(text);
  if (strchr(text, '|'))
    return false; /* several at once */
  for (const char *p = choices; p; p = strchr(p, '|')) {
    p += *p == '|';
    if (strncmp(p, text, n) == 0 && (p[n] == '|' || p[n] == '\0'))
      return true;
  }
  return false;
}

static segue_code set_field(segue_settings *s, const segue_option *o, const char *text,
                            segue_status *st) {
  void *field = (char *)s + o->offset;
  int64_t number;
  switch (o->kind) {
  case OPT_FLAG:
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
      return segue_fail(st, SEGUE_USAGE, "--%s must be true or false, not '%s'", o->name, text);
    *(bool *)field = strcmp(text, "true") == 0;
    break;
  case OPT_INT:
    if (!segue_parse_int64(segue_str_of(text), &number))
      return segue_fail(st, SEGUE_USAGE, "--%s must be a whole number, not '%s'", o->name, text);
    if (number < o->low || number > o->high)
      return segue_fail(st, SEGUE_USAGE, "--%s must be from %lld to %lld, not %s", o->name,
                        (long long)o->low, (long long)o->high, text);
    *(int64_t *)field = number;
    break;
  case OPT_SIZE:
    if (!segue_parse_size(segue_str_of(text), &number))
      return segue_fail(st, SEGUE_USAGE,
                        "--%s must be a number of bytes, alone or with K, M, G or T as in 800M, "
                        "not '%s'",
                        o->name, text);
    if (number != 0 && (number < o->low || number > o->high))
      return segue_fail(st, SEGUE_USAGE, "--%s must be at least %lld bytes (%lldM), not %s",
                        o->name, (long long)o->low, (long long)o->low >> 20, text);
    *(int64_t *)field = number;
    break;
  case OPT_TEXT:
    if (o->choices && !is_choice(text, o->choices))
      return segue_fail(st, SEGUE_USAGE, "--%s must be one of %s, not '%s'", o->name, o->choices,
                        text);
    *(const char **)field = text;
  }
  return SEGUE_OK;
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static segue_code parse_k(segue_settings *s, segue_status *st) {
  const char *p = s->k;
  while (p) {
    size_t n = strcspn(p, ",");
    int64_t k;
    if (!segue_parse_int64((segue_str){p, (int64_t)n}, &k) || k < 1 || k > 1024)
      return segue_fail(st, SEGUE_USAGE,
                        "--k must be whole numbers from 1 to 1024 with commas between, not '%s'",
                        s->k);
    if (s->n_k == SEGUE_MAX_LIST)
      return segue_fail(st, SEGUE_USAGE, "--k takes at most %d cut-offs", SEGUE_MAX_LIST);
    s->k_list[s->n_k++] = k;
    p = p[n] ? p + n + 1 : NULL;
  }
  qsort(s->k_list, (size_t)s->n_k, sizeof *s->k_list, ascending);
  int kept = 0;
  for (int i = 0; i < s->n_k; i++)
    if (i == 0 || s->k_list[i] != s->k_list[i - 1])
      s->k_list[kept++] = s->k_list[i];
  s->n_k = kept;
  return SEGUE_OK;
}

static segue_code parse_features(segue_settings *s, segue_status *st) {
  s->feature_text = strdup(s->features);
  if (!s->feature_text)
    return segue_fail(st, SEGUE_MEMORY, "no memory for --features");
  for (char *p = s->feature_text; p;) {
    char *comma = strchr(p, ',');
    if (comma)
      *comma = '\0';
    if (!*p)
      return segue_fail(st, SEGUE_USAGE, "--features has an empty name in '%s'", s->features);
    for (int i = 0; i < s->n_features; i++)
      if (strcmp(s->feature_list[i], p) == 0)
        return segue_fail(st, SEGUE_USAGE, "--features names %s twice", p);
    if (s->n_features == (int)(sizeof s->feature_list / sizeof *s->feature_list))
      return segue_fail(st, SEGUE_USAGE, "--features takes at most %d columns", s->n_features);
    s->feature_list[s->n_features++] = p;
    p = comma ? comma + 1 : NULL;
  }
  return SEGUE_OK;
}

/* "none", or names with commas between, `duplicate` being one of them. */
static segue_code parse_exclude(segue_settings *s, segue_status *st) {
  if (strcmp(s->exclude, "none") == 0)
    return SEGUE_OK;
  s->exclude_text = strdup(s->exclude);
  if (!s->exclude_text)
    return segue_fail(st, SEGUE_MEMORY, "no memory for --exclude");
  for (char *p = s->exclude_text; p;) {
    char *comma = strchr(p, ',');
    if (comma)
      *comma = '\0';
    if (!*p || *p == '+' || strcmp(p, "none") == 0)
      return segue_fail(st, SEGUE_USAGE,
                        "--exclude must be none, or duplicate and columns with commas between, not "
                        "'%s'",
                        s->exclude);
    if (strcmp(p, "duplicate") == 0)
      s->exclude_duplicates = true;
    else if (s->n_exclude == SEGUE_MAX_EXCLUDE)
      return segue_fail(st, SEGUE_USAGE, "--exclude takes at most %d columns", SEGUE_MAX_EXCLUDE);
    else
      s->exclude_list[s->n_exclude++] = p;
    p = comma ? comma + 1 : NULL;
  }
  return SEGUE_OK;
}

static segue_code parse_run_ts(segue_settings *s, segue_status *st) {
  const char *text = s->run_ts, *name = "--run-ts";
  if (!text) {
    text = getenv("SOURCE_DATE_EPOCH");
    name = "SOURCE_DATE_EPOCH";
  }
  if (!text || !*text) {
    s->run_us = segue_time_us() / 1000000 * 1000000; /* whole seconds, as it is shown */
  } else if (!segue_time_parse(text, &s->run_us)) {
    return segue_fail(st, SEGUE_USAGE,
                      "%s must be a time like 2026-11-23T06:00:00Z or seconds since 1970, not '%s'",
                      name, text);
  }
  return SEGUE_OK;
}

/* The whole line, so that a run file tells how to make it again. */
static char *join_words(int argc, char **argv) {
  segue_buffer b = {0};
  segue_code rc = segue_buffer_printf(&b, NULL, "segue");
  for (int i = 0; i < argc && rc == SEGUE_OK; i++) {
    bool plain = argv[i][0] && !argv[i][strcspn(argv[i], " \t\n'\"\\$&|;<>()*?[]{}~#!`")];
    if (plain) {
      rc = segue_buffer_printf(&b, NULL, " %s", argv[i]);
      continue;
    }
    rc = segue_buffer_append(&b, " '", 2, NULL);
    for (const char *p = argv[i]; *p && rc == SEGUE_OK; p++)
      rc = *p == '\'' ? segue_buffer_append(&b, "'\\''", 4, NULL)
                      : segue_buffer_append(&b, p, 1, NULL);
    if (rc == SEGUE_OK)
      rc = segue_buffer_append(&b, "'", 1, NULL);
  }
  if (rc == SEGUE_OK)
    rc = segue_buffer_append(&b, "", 1, NULL);
  if (rc != SEGUE_OK)
    segue_buffer_free(&b);
  return (char *)b.data;
}

segue_code segue_settings_parse(segue_settings *s, const segue_command *command, int argc,
                                char **argv, const char *config_text, segue_status *st) {
  segue_code rc = SEGUE_OK;
  int n;
  const segue_option *o = segue_options(&n);
  given g = {0};
  memset(s, 0, sizeof *s);
  s->command_line = join_words(argc, argv);
  SEGUE_TRY(read_words(&g, command, argc, argv, st));
  if (config_text)
    SEGUE_TRY(read_config(&g, s, command, config_text, st));
  int at = find_option("profile", command->bit);
  bool glue = at >= 0 && g.text[at] && strcmp(g.text[at], "glue") == 0;
  for (int i = 0; i < n; i++) {
    const char *fallback = glue && o[i].glue ? o[i].glue : o[i].exact;
    const char *text = g.text[i] ? g.text[i] : fallback;
    if ((o[i].commands & command->bit) && text)
      SEGUE_TRY(set_field(s, &o[i], text, st));
  }
  if (s->k)
    SEGUE_TRY(parse_k(s, st));
  if (s->features)
    SEGUE_TRY(parse_features(s, st));
  if (s->exclude)
    SEGUE_TRY(parse_exclude(s, st));
  SEGUE_TRY(parse_run_ts(s, st));
done:
  return rc;
}

segue_s3_options segue_settings_s3(const segue_settings *s) {
  const segue_s3_settings *o = &s->s3;
  return (segue_s3_options){.endpoint = o->endpoint,
                            .region = o->region,
                            .profile = o->aws_profile,
                            .credentials_file = o->credentials,
                            .ca_file = o->ca_file ? o->ca_file : s->lyrics.ca_file,
                            .path_style = o->path_style,
                            .allow_plain = o->allow_http,
                            .max_in_flight = (int)o->requests,
                            .attempts = (int)o->attempts,
                            .part_bytes = o->part_mib << 20};
}

void segue_settings_free(segue_settings *s) {
  if (!s)
    return;
  json_decref(s->config_json);
  free(s->feature_text);
  free(s->exclude_text);
  for (int i = 0; i < SEGUE_MAX_OPTIONS; i++)
    free(s->own[i]);
  free(s->command_line);
  memset(s, 0, sizeof *s);
}

json_t *segue_settings_json(const segue_settings *s, const segue_command *command) {
  int n;
  const segue_option *o = segue_options(&n);
  json_t *object = json_object();
  for (int i = 0; i < n; i++) {
    const void *field = (const char *)s + o[i].offset;
    json_t *value = NULL;
    if (!(o[i].commands & command->bit) || strcmp(o[i].name, "help") == 0)
      continue;
    if (o[i].kind == OPT_FLAG)
      value = json_boolean(*(const bool *)field);
    else if (o[i].kind == OPT_INT || o[i].kind == OPT_SIZE)
      value = json_integer(*(const int64_t *)field);
    else
      value = *(const char *const *)field ? json_string(*(const char *const *)field) : json_null();
    /* An argument that is not UTF-8 makes no JSON string. */
    json_object_set_new(object, o[i].name, value ? value : json_string("(not UTF-8)"));
  }
  return object;
}
