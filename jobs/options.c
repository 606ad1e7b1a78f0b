/* THE table of options. Help, man page, completion, --config keys and recorded settings come from
 * it. Its rows stand in options_*.def, a file for each family of commands. */
#include <stddef.h>

#include "settings.h"

#define AT(field) offsetof(segue_settings, field)
#define BIG INT64_C(9007199254740992)

static const char input[] = "Input", output[] = "Output", genres[] = "Definitions",
                  predict[] = "Predictors", evaluate[] = "Evaluation", general[] = "General",
                  make[] = "What to make", find[] = "Which song, and what is like it",
                  bench[] = "What to measure", sql[] = "SQL", show[] = "What is shown",
                  asking[] = "Asking a server", sampling[] = "Which tracks", remote[] = "S3",
                  preemption[] = "Stopping and going on", blending[] = "Audio and lyrics";

/* clang-format off */
static const segue_option options[] = {
  /* name, kind, commands, section, value, field, exact, glue, choices, low, high, help */
#include "options_core.def"
#include "options_sql.def"
#include "options_dashboard.def"
#include "options_lyrics.def"
#include "options_s3.def"
#include "options_cluster.def"
#include "options_lyrics_eval.def"
#include "options_common.def" /* last: the end of every help text */
};
/* clang-format on */

const segue_option *segue_options(int *n) {
  *n = (int)(sizeof options / sizeof *options);
  return options;
}
