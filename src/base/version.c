/* What this build is. */
#include "segue/base.h"

const char *segue_commit(void) {
  return SEGUE_COMMIT;
}

const char *segue_build_name(void) {
  return "segue version " SEGUE_VERSION " (build " SEGUE_COMMIT ")";
}
