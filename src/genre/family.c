/* Broad families by words in a genre's name. Heuristic by nature: a name like "folk rock" belongs
 * to the family whose word comes first in this list. */
#include "segue/genre.h"

#include <string.h>

typedef struct family_word {
  const char *text, *family;
  bool whole; /* must stand as a word of its own: "rap" is not in "trap" or "drape" */
} family_word;

/* From the specific to the general: "hip hop" before "pop", "country rock" is country, and "rock"
 * and "pop", which qualify everything, come last. */
static const family_word words[] = {
    {"hip hop", "hiphop", false},
    {"hip-hop", "hiphop", false},
    {"hiphop", "hiphop", false},
    {"rap", "hiphop", true},
    {"trap", "hiphop", true},
    {"drill", "hiphop", true},
    {"grime", "hiphop", true},
    {"boom bap", "hiphop", false},
    {"phonk", "hiphop", true},
    {"r&b", "rnb_soul", false},
    {"rnb", "rnb_soul", true},
    {"soul", "rnb_soul", true},
    {"motown", "rnb_soul", true},
    {"funk", "rnb_soul", true},
    {"gospel", "rnb_soul", true},
    {"quiet storm", "rnb_soul", false},
    {"doo-wop", "rnb_soul", false},
    {"disco", "rnb_soul", true},
    {"classical", "classical", false},
    {"orchestra", "classical", false},
    {"opera", "classical", true},
    {"baroque", "classical", false},
    {"romantic era", "classical", false},
    {"symphon", "classical", false},
    {"chamber", "classical", true},
    {"choral", "classical", true},
    {"piano", "classical", true},
    {"violin", "classical", true},
    {"renaissance", "classical", true},
    {"requiem", "classical", true},
    {"jazz", "jazz", false},
    {"swing", "jazz", true},
    {"bebop", "jazz", true},
    {"big band", "jazz", false},
    {"bossa nova", "jazz", false},
    {"ragtime", "jazz", true},
    {"dixieland", "jazz", true},
    {"blues", "jazz", true},
    {"country", "country", true},
    {"bluegrass", "country", true},
    {"honky tonk", "country", false},
    {"americana", "country", true},
    {"cowboy", "country", false},
    {"nashville", "country", true},
    {"latin", "latin", true},
    {"latino", "latin", true},
    {"reggaeton", "latin", false},
    {"salsa", "latin", true},
    {"bachata", "latin", true},
    {"cumbia", "latin", false},
    {"mexican", "latin", true},
    {"mexicano", "latin", true},
    {"banda", "latin", true},
    {"ranchera", "latin", true},
    {"mariachi", "latin", true},
    {"tango", "latin", true},
    {"bolero", "latin", true},
    {"merengue", "latin", true},
    {"vallenato", "latin", true},
    {"samba", "latin", true},
    {"mpb", "latin", true},
    {"sertanejo", "latin", true},
    {"corrido", "latin", false},
    {"corridos", "latin", true},
    {"brega", "latin", true},
    {"pagode", "latin", true},
    {"forr\xC3\xB3", "latin", true},
    {"forro", "latin", true},
    {"cuban", "latin", true},
    {"argentino", "latin", true},
    {"norteno", "latin", true},
    {"electro", "electronic", false},
    {"techno", "electronic", false},
    {"house", "electronic", true},
    {"edm", "electronic", true},
    {"trance", "electronic", true},
    {"dubstep", "electronic", true},
    {"drum and bass", "electronic", false},
    {"ambient", "electronic", true},
    {"downtempo", "electronic", true},
    {"synthwave", "electronic", true},
    {"eurodance", "electronic", false},
    {"idm", "electronic", true},
    {"breakbeat", "electronic", true},
    {"hardstyle", "electronic", true},
    {"lo-fi", "electronic", true},
    {"dance", "electronic", true},
    {"club", "electronic", true},
    {"rave", "electronic", true},
    {"folk", "folk", false},
    {"singer-songwriter", "folk", false},
    {"celtic", "folk", true},
    {"schlager", "folk", false},
    {"dansband", "folk", true},
    {"traditional", "folk", true},
    {"polka", "folk", true},
    {"chanson", "folk", true},
    {"fado", "folk", true},
    {"sea shanties", "folk", false},
    {"yodel", "folk", false},
    {"visor", "folk", true},
    {"rock", "rock", false},
    {"metal", "rock", false},
    {"punk", "rock", false},
    {"grunge", "rock", true},
    {"hardcore", "rock", true},
    {"emo", "rock", true},
    {"shoegaze", "rock", true},
    {"new wave", "rock", false},
    {"indie", "rock", true},
    {"screamo", "rock", true},
    {"psychedelic", "rock", true},
    {"alternative", "rock", true},
    {"pop", "pop", false},
    {"boy band", "pop", false},
    {"girl group", "pop", false},
    {"idol", "pop", true},
    {"adult standards", "pop", false},
    {"easy listening", "pop", false},
    {"mellow gold", "pop", false},
    {"opm", "pop", true},
    {"talent show", "pop", false},
    {"world", "world", true},
    {"afro", "world", false},
    {"reggae", "world", true},
    {"ska", "world", true},
    {"dub", "world", true},
    {"dancehall", "world", true},
    {"bollywood", "world", true},
    {"filmi", "world", true},
    {"bhangra", "world", true},
    {"arab", "world", false},
    {"african", "world", true},
    {"indian", "world", true},
    {"hindi", "world", true},
    {"turkish", "world", true},
    {"balkan", "world", true},
    {"klezmer", "world", true},
    {"flamenco", "world", true},
    {"hawaiian", "world", true},
    {"enka", "world", true},
    {"soca", "world", true},
    {"calypso", "world", true},
    {"qawwali", "world", true},
    {"ghazal", "world", true},
    {"carnatic", "world", true},
    {"hindustani", "world", true},
    {"rebetiko", "world", true},
    {"laiko", "world", true},
};

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || ((unsigned char)c & 0x80U) != 0;
}

static bool contains(segue_str name, const char *word, bool whole) {
  int64_t n = (int64_t)strlen(word);
  for (int64_t i = 0; i + n <= name.size; i++) {
    if (memcmp(name.data + i, word, (size_t)n) != 0)
      continue;
    bool open = (i == 0 || !is_letter(name.data[i - 1])) &&
                (i + n == name.size || !is_letter(name.data[i + n]));
    if (!whole || open)
      return true;
  }
  return false;
}

const char *segue_genre_family(segue_str name) {
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (contains(name, words[i].text, words[i].whole))
      return words[i].family;
  return "other";
}
