/* Shared between the files of base only. */
#ifndef SEGUE_BASE_INTERNAL_H
#define SEGUE_BASE_INTERNAL_H

#include <stddef.h>

/* Makes text that came out of vsnprintf fit to print: where it was cut (`written >= room`) it ends
 * at a whole character, and control characters become `?`. */
void segue_text_sanitize(char *text, size_t written, size_t room);

#endif
