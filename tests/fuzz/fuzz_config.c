/* --config and the command line: settings are taken whole or refused with words.
 *
 * Input: a byte that chooses the command; if it is odd, the first line holds arguments with a tab
 * between; the rest is the file's text. */
#include <stdlib.h>

#include "fuzz.h"
#include "settings.h"

enum { MOST = 16 };

static int split(char *text, char **argv) {
  int n = 1;
  for (char *p = text; p && n < MOST; n++) {
    char *tab = strchr(p, '\t');
    argv[n] = p;
    if (tab)
      *tab = '\0';
    p = tab ? tab + 1 : NULL;
  }
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int n = 0, argc = 1;
  char *argv[MOST + 1] = {NULL};
  segue_status st = {0};
  const segue_command *commands = segue_commands(&n);
  if (size == 0)
    return 0;
  const segue_command *command = &commands[data[0] / 2 % n];
  char *text = strndup((const char *)data + 1, size - 1), *config = text;
  segue_settings *s = calloc(1, sizeof *s);
  FUZZ_CHECK(text && s);
  argv[0] = strdup(command->name);
  if (data[0] % 2 == 1) {
    char *end = strchr(text, '\n');
    if (end)
      *end = '\0';
    config = end ? end + 1 : NULL;
    argc = split(text, argv);
  }
  (void)segue_settings_config_path(argc, argv);
  if (fuzz_ok(segue_settings_parse(s, command, argc, argv, config, &st), &st)) {
    json_t *json = segue_settings_json(s, command);
    FUZZ_CHECK(json);
    json_decref(json);
  }
  segue_settings_free(s);
  free(s);
  free(argv[0]);
  free(text);
  return 0;
}
