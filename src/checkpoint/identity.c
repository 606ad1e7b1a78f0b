/* What a checkpoint belongs to, compared key by key. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "segue/checkpoint.h"

/* A value as it is shown; "nothing" where it is missing. */
static char *shown(const json_t *value) {
  if (!value || json_is_null(value))
    return strdup("nothing");
  return json_is_string(value) ? strdup(json_string_value(value))
                               : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

static void describe(const char *key, const json_t *old, const json_t *now, char *why,
                     size_t size) {
  char *a = shown(old), *b = shown(now);
  snprintf(why, size, "%s was %s and is %s now", key, a ? a : "?", b ? b : "?");
  free(a);
  free(b);
}

/* Objects are gone into, so that the innermost key is named; `prefix` stands before it. */
static bool equal(const char *prefix, json_t *old, json_t *now, char *why, size_t size) {
  char name[128];
  const char *key;
  json_t *value;
  json_object_foreach(now, key, value) {
    json_t *before = json_object_get(old, key);
    snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? " " : "", key);
    if (json_is_object(value) && json_is_object(before)) {
      if (!equal(name, before, value, why, size))
        return false;
    } else if (!before || !json_equal(before, value)) {
      describe(name, before, value, why, size);
      return false;
    }
  }
  json_object_foreach(old, key, value) {
    if (json_object_get(now, key))
      continue;
    snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? " " : "", key);
    describe(name, value, NULL, why, size);
    return false;
  }
  return true;
}

bool segue_identity_equal(const char *old, const char *now, char *why, size_t size) {
  json_t *a = json_loads(old, 0, NULL), *b = json_loads(now, 0, NULL);
  bool same = false;
  snprintf(why, size, "it cannot be read");
  if (json_is_object(a) && json_is_object(b))
    same = equal("", a, b, why, size);
  json_decref(a);
  json_decref(b);
  return same;
}
