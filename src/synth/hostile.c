/* Cells that are valid and yet go wrong in careless readers, and rows that are not valid at all. */
#include "internal.h"

#define LIST(...)                                                                                  \
  {                                                                                                \
    (const char *const[]){__VA_ARGS__},                                                            \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))                   \
  }

const synth_list synth_hostile_artists = LIST(
    "Mara O'Delm", "Nan", "Rolf \"Slide\" Vetter", "Tick, Tock & Boom", "Back\\slash", "[Brackets]",
    "It's \"Both\"", "1984", "12.50", "None", "True", "", "Two\nLines", "Tab\tStop",
    " Leading Space", "Trailing Space ", "Ends With\\", "'", "\"", "','", "['a', 'b']", "null",
    "=1+1", "a/b", "No\u00A0Break", "Zero\u200BWidth", "Cafe\xCC\x81", "Café", "🎧 Kollektiv",
    "夜の\u3000海", "שיר של לי", "أغنية ليل", "Живая вода", "Straße & ſtone", "İstanbulin",
    "Carriage\r\nReturn", "{'json': 1}", "\\'", "\\\"",
    // NOLINTNEXTLINE: one long name
    "The Extraordinarily Long Named Travelling Orchestra of the Upper and "
    "Lower Valleys, Its Choir, Its Conductor, Its Conductor's Cat and All of the Friends That They "
    "Met Along the Road Between the First Village and the Last One Before the Snow Set In");

const synth_list synth_hostile_titles =
    LIST("", "Nan", "99", "3.0", "Don't \"Stop\", Please", "Two\nLines", "Carriage\r\nReturn",
         "\\N", "null", "[]", "['Song']", " - Live", "(Live)", "(feat. Nobody)",
         "Song - Part - Two", " Leading", "Trailing ", "Comma, Comma", "\"Quoted\"", "Back\\slash",
         "Semi;Colon|Pipe\tTab", "夜曲", "مساء", "ערב", "Вечер", "Ünïcödé", "ＦＵＬＬ Ｗｉｄｔｈ",
         "ﬁne ligature", "🎵", "=SUM(A1)", "True", "-", "1e5");

/* Genres with what Hive escapes in a directory name, what SQL and lists quote, and accents. */
const synth_list synth_hostile_genres =
    LIST("children's music", "forró elétrico", "synth/wave", "drum & bass", "100% bolero",
         "12\" mixes", "lo-fi: beats", "rock = noise", "música del río", "a cappella #1", "what?",
         "back\\beat", "..", "null", "中文 pop");

/* What stands in a cell that holds no number. */
const synth_list synth_unreadable = LIST("n/a", "", "?", "NaN", "1e999", "0,5", "0x1", "--");

/* Fills `columns` cells with 1, one of them the text `odd` (cell 0: the id). */
static void put_cells(synth_writer *w, const char *id, int columns, const char *odd) {
  synth_puts(w, id);
  for (int i = 1; i < columns; i++) {
    synth_put_char(w, ',');
    synth_puts(w, i == 1 && odd ? odd : "1");
  }
}

void synth_malformed(synth_writer *w, int64_t kind, int columns) {
  char id[40];
  snprintf(id, sizeof id, "malformed%lld", (long long)kind);
  switch (kind % 4) {
  case 0: /* too few cells */
    put_cells(w, id, columns - 2, NULL);
    break;
  case 1: /* too many */
    put_cells(w, id, columns + 2, NULL);
    break;
  case 2: /* not UTF-8 */
    put_cells(w, id, columns, "caf\xE9");
    break;
  default: /* no id */
    put_cells(w, "", columns, NULL);
    break;
  }
}
