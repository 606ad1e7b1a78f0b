/* From small files to catalogues: the join, the accounting, duplicates, options, real and made-up
 * data. */
#include "test_ingest.h"

#include <zlib.h>

#include "segue/synth.h"

#define HEADER "id,name,artists,id_artists,release_date,danceability,tempo\n"

static const char *const brief[] = {"id", "name", "artist_id_primary", "artist_name_primary", NULL};
static const char *const only_id[] = {"id", NULL};

static const char artists_csv[] =
    "id,followers,genres,name,popularity\n"
    "A,1.0,\"['Rock', ' pop ']\",Anna,1\n"
    "B,2.0,['pop'],Bob,2\n"
    "C,,[],Cid,3\n"
    "D,4.0,\"[\"\"children's music\"\", '', 'rock', 'ROCK']\",\"Dan, the \"\"Man\"\"\",4\n"
    "A,9.0,['jazz'],Anna again,9\n"
    "E,5.0,oops,Eve,5\n";

static void the_join(void **state) {
  (void)state;
  segue_accounting a;
  write_text("artists.csv", artists_csv);
  write_text("join.csv",
             HEADER "t3,Three,\"['Anna', 'Bob']\",\"['A', 'B']\",1999-01-02,0.5,120\n"
                    "t1,One,['Bob'],['B'],2001,0.25,0\n"
                    "t2,Two,['Cid'],['C'],,0.1,1\n"
                    "t5,Five,['Zed'],['Z'],19,0.1,1\n"
                    "t4,\"Quoted, \"\"name\"\"\nin two lines\",['Dan'],['D'],12x4,1e-3,99.5\n"
                    "t6,Six,[],[],,1,2\n"
                    "t7,Seven,x,oops,,1,2\n"
                    "t8,Eight,['Eve'],['E'],,1,2\n");
  segue_ingest_params p = params_for("join.csv", "artists.csv");
  char *text = catalogue_text(&p, brief, &a);
  assert_string_equal(
      text, "t1|One|B|Bob|pop|B|1|0\n"
            "t3|Three|A|Anna|jazz,pop,rock|A|0|1\n"
            "t4|Quoted, \"name\"\nin two lines|D|Dan, the \"Man\"|children's music,rock|D|2|2\n"
            "children's music 1\njazz 1\npop 2\nrock 2\n");
  free(text);
  assert_int_equal(a.track_rows, 8);
  assert_int_equal(a.tracks, 3);
  assert_int_equal(a.tracks_without_artist, 2);
  assert_int_equal(a.tracks_unknown_artist, 1);
  assert_int_equal(a.tracks_without_genre, 2);
  assert_int_equal(a.artist_rows, 6);
  assert_int_equal(a.artist_rows_merged, 1);
  assert_int_equal(a.artists, 5);
  assert_int_equal(a.artists_with_genre, 3);
  assert_int_equal(a.null_cells, 1); /* the genres of E */
}

static void artist_rules(void **state) {
  (void)state;
  segue_accounting a;
  write_text("rules.csv", HEADER "1,x,\"['Cid', 'Bob']\",\"['C', 'B']\",,1,1\n"
                                 "2,x,\"['Zed', 'Anna']\",\"['Z', 'A']\",,1,1\n"
                                 "3,x,['Bob'],['B'],,1,1\n"
                                 "4,x,\"['Anna', 'Dan']\",\"['A', 'D']\",,1,1\n"
                                 "5,x,\"['Zed', 'Yas']\",\"['Z', 'Y']\",,1,1\n"
                                 "6,x,\"['Zed', 'Cid']\",\"['Z', 'C']\",,1,1\n");
  segue_ingest_params p = params_for("rules.csv", "artists.csv");
  char *text = catalogue_text(&p, brief, &a);
  assert_string_equal(
      text, "3|x|B|Bob|pop|B|1|0\n4|x|A|Anna|jazz,pop,rock|A|0|1\njazz 1\npop 2\nrock 1\n");
  free(text);
  assert_int_equal(a.tracks_unknown_artist, 3);
  p.artist_rule = SEGUE_ARTIST_SOLE;
  text = catalogue_text(&p, brief, &a);
  assert_string_equal(text, "3|x|B|Bob|pop|B|0|0\npop 1\n");
  free(text);
  assert_int_equal(a.tracks_not_sole, 5);
  p.artist_rule = SEGUE_ARTIST_ALL;
  text = catalogue_text(&p, brief, &a);
  assert_string_equal(text, "1|x|C|Cid|pop|C|2|0\n"
                            "2|x|Z|Zed|jazz,pop,rock|Z|3|1\n"
                            "3|x|B|Bob|pop|B|1|2\n"
                            "4|x|A|Anna|children's music,jazz,pop,rock|A|0|3\n"
                            "children's music 1\njazz 2\npop 4\nrock 2\n");
  free(text);
  assert_int_equal(a.tracks_unknown_artist, 1);
  assert_int_equal(a.tracks_without_genre, 1);
}

static void glue_genres(void **state) {
  (void)state;
  write_text("glue.csv", HEADER "1,x,['Dan'],['D'],,1,1\n2,x,['Eve'],['E'],,1,1\n");
  segue_ingest_params p = params_for("glue.csv", "artists.csv");
  p.strip_quotes = true;
  char *text = catalogue_text(&p, only_id, NULL);
  assert_string_equal(
      text, "1|childrens music,rock|D|0|0\n2|oops|E|1|1\nchildrens music 1\noops 1\nrock 1\n");
  free(text);
}

/* The first row of an id counts, also when it is not in the catalogue. */
static void duplicates_and_ghosts(void **state) {
  (void)state;
  segue_accounting a;
  write_text("dup.csv", HEADER "x,first,['Bob'],['B'],,1,1\n"
                               "g,ghost first,['Cid'],['C'],,1,1\n"
                               "x,second,['Anna'],['A'],,1,1\n"
                               "g,then good,['Bob'],['B'],,1,1\n"
                               "y,good,['Bob'],['B'],,1,1\n"
                               "y,ghost second,['Zed'],['Z'],,1,1\n"
                               "g,again,[],[],,1,1\n"
                               "x,third,['Bob'],['B'],,1,1\n");
  segue_ingest_params p = params_for("dup.csv", "artists.csv");
  char *text = catalogue_text(&p, brief, &a);
  assert_string_equal(text, "x|first|B|Bob|pop|B|0|0\ny|good|B|Bob|pop|B|0|1\npop 2\n");
  free(text);
  assert_int_equal(a.track_rows_duplicate, 5);
  assert_int_equal(a.tracks_without_genre, 1);
  assert_int_equal(a.tracks_without_artist, 0);
}

static void cells_by_type(void **state) {
  (void)state;
  segue_accounting a;
  write_text("cells.csv", "id,name,artists,id_artists,release_date,danceability,tempo,popularity,"
                          "duration_ms,explicit,key\n"
                          "1,,['Bob'],['B'],1999-12-31,0.1,0,5,1e3,True,1.0\n"
                          "2,n,['Bob'],['B'],199,,nan,5.5,9000000000,FALSE,\n"
                          "3,n,['Bob'],['B'],20010,inf,1e400, 7 ,x,maybe,3000000000\n"
                          "4, n ,['Bob'],['B'],abcd,-0.25,1e5,-1,0,0,-2147483648\n");
  static const char *const columns[] = {
      "id",    "name",       "release_date", "release_year", "danceability",
      "tempo", "popularity", "duration_ms",  "explicit",     "key",
      NULL};
  segue_ingest_params p = params_for("cells.csv", "artists.csv");
  char *text = catalogue_text(&p, columns, &a);
  assert_string_equal(text, "1||1999-12-31|1999|0.10000000000000001|0|5|1000|1|1|pop|B|0|0\n"
                            "2|n|199|~|~|~|~|9000000000|0|~|pop|B|0|1\n"
                            "3|n|20010|2001|~|~|7|~|~|~|pop|B|0|1\n"
                            "4| n |abcd|~|-0.25|100000|-1|0|0|-2147483648|pop|B|0|1\n"
                            "pop 4\n");
  free(text);
  assert_int_equal(a.null_cells, 2 + 5 + 1);
  assert_int_equal(a.empty_cells, 2);
  assert_int_equal(a.tracks_incomplete, 2);
}

/* Columns in another order, unknown ones carried along, other names for id, label and group. */
static void other_tables(void **state) {
  (void)state;
  static const char *const features[] = {"e1", "tempo", "e2"};
  segue_accounting a;
  write_text("other.tsv", "\xEF\xBB\xBF\te2\tname\tkind\ttrack\te1\tmood\ttempo\tgrade\r\n"
                          "0\t0.5\tOne\tK\tb\t1\tHappy \t3\t7\r\n"
                          "1\tx\tTwo\t\ta\t2\t['Sad', 'calm']\t4\t8\r\n"
                          "2\t0.7\tThree\tL\tc\t\t\t5\t9\r\n");
  segue_ingest_params p = params_for("other.tsv", NULL);
  p.id_column = "track";
  p.label_column = "kind";
  p.group_column = "mood";
  p.features = features;
  p.n_features = 3;
  static const char *const columns[] = {"id", "name", "column_1", "e2",    "kind",
                                        "e1", "mood", "tempo",    "grade", NULL};
  char *text = catalogue_text(&p, columns, &a);
  assert_string_equal(text, "a|Two|1|~||2|['Sad', 'calm']|4|8|calm,sad|-|-1|0\n"
                            "b|One|0|0.5|K|1|Happy |3|7|happy|K|-1|1\n"
                            "calm 1\nhappy 1\nsad 1\n");
  free(text);
  assert_int_equal(a.tracks_without_genre, 1);
  assert_int_equal(a.tracks_incomplete, 1);
  outcome o = ingest(&world, &p);
  assert_int_equal(o.rc, SEGUE_OK);
  const segue_schema *schema = segue_schema_find("catalogue/tracks");
  static const char *const extra[] = {"column_1", "e2", "kind", "e1", "mood", "grade"};
  bool good = o.c->tracks->n_columns == schema->n_fields + 6 && o.c->n_features == 3;
  for (int i = 0; good && i < o.c->tracks->n_columns; i++) {
    const segue_field *f = &o.c->tracks->columns[i].field;
    int k = i - schema->n_fields;
    good = strcmp(f->name, k < 0 ? schema->fields[i].name : extra[k]) == 0 &&
           f->type == (k < 0              ? schema->fields[i].type
                       : k == 1 || k == 3 ? SEGUE_DOUBLE
                                          : SEGUE_STRING);
  }
  good = good && (world.rank > 0 || strstr(o.log, "lacks columns that stay empty: popularity"));
  outcome_free(&o);
  assert_true(good);
  p.label_column = "track"; /* the id column under its own name */
  text = catalogue_text(&p, only_id, NULL);
  assert_non_null(strstr(text, "a|calm,sad|a|"));
  free(text);
}

/* A group column beside an artist table: the table gives names, the column genres. */
static void groups_with_artists(void **state) {
  (void)state;
  segue_accounting a;
  write_text("groups.csv", "id,name,id_artists,danceability,tempo,mood\n"
                           "1,x,\"['C', 'B']\",1,1,Slow\n"
                           "2,x,['Z'],1,1,\"['slow', 'FAST']\"\n"
                           "3,x,[],1,1,fast\n"
                           "4,x,['B'],1,1,\n"
                           "5,x,['B'],1,1,[fast\n");
  segue_ingest_params p = params_for("groups.csv", "artists.csv");
  p.group_column = "mood";
  char *text = catalogue_text(&p, brief, &a);
  assert_string_equal(text, "1|x|C|Cid|slow|C|0|0\n2|x|Z|~|fast,slow|Z|1|1\n3|x|~|~|fast|-|-1|2\n"
                            "fast 2\nslow 2\n");
  free(text);
  assert_int_equal(a.tracks_without_genre, 2);
  p.artist_rule = SEGUE_ARTIST_SOLE;
  text = catalogue_text(&p, only_id, &a);
  assert_string_equal(text, "2|fast,slow|Z|0|0\n3|fast|-|-1|1\nfast 2\nslow 1\n");
  free(text);
  assert_int_equal(a.tracks_not_sole, 1);
}

static void delimiters_and_line_ends(void **state) {
  (void)state;
  static const char *const ends[] = {"\n", "\r\n", "\r", "\n\n", "\r\n\r\n"};
  static const char delimiters[] = ",\t;|:";
  char *expected = NULL;
  for (int e = 0; e < 5; e++) {
    for (int d = 0; d < 5; d++) {
      char text[512] = "";
      size_t at = 0;
      for (int i = -1; i < 4; i++) {
        char c = delimiters[d];
        if (i < 0)
          at +=
              (size_t)snprintf(text + at, sizeof text - at,
                               "id%cname%cid_artists%cdanceability%ctempo%s", c, c, c, c, ends[e]);
        else
          at += (size_t)snprintf(text + at, sizeof text - at, "t%d%c\"a%cb\"%c['B']%c0.5%c%d%s", i,
                                 c, ' ', c, c, c, i, i < 3 ? ends[e] : "");
      }
      write_text("ends.csv", text);
      segue_ingest_params p = params_for("ends.csv", "artists.csv");
      p.delimiter = delimiters[d] == ':' ? ':' : '\0';
      outcome o = ingest(&world, &p);
      MPI_Barrier(MPI_COMM_WORLD);
      /* The artist table has commas throughout, so a delimiter that is given cannot be right for
       * both. */
      if (delimiters[d] == ':') {
        assert_int_equal(o.rc, SEGUE_INPUT);
      } else {
        assert_string_equal(o.st.message, "");
        segue_buffer b = text_of(&world, o.c, brief);
        if (!expected)
          expected = strdup((const char *)b.data);
        assert_string_equal((const char *)b.data, expected);
        segue_buffer_free(&b);
      }
      outcome_free(&o);
    }
  }
  free(expected);
}

static void rejected_rows_are_reported(void **state) {
  (void)state;
  segue_accounting a;
  static const char text[] = HEADER "1,ok,['Bob'],['B'],,1,1\n"
                                    "2,short,['Bob'],['B'],,1\n"
                                    "3,lo\xFFng,['Bob'],['B'],,1,1\n"
                                    "4,\"two\nlines\",['Bob'],['B'],,1,1,9\n"
                                    ",no id,['Bob'],['B'],,1,1\n"
                                    "5,n\0ul,['Bob'],['B'],,1,1\n"
                                    "6,ok,['Bob'],['B'],,1,oops\n";
  write_bytes("bad.csv", text, sizeof text - 1);
  segue_ingest_params p = params_for("bad.csv", "artists.csv");
  p.max_reports = 100;
  char *got = catalogue_text(&p, only_id, &a);
  assert_string_equal(got, "1|pop|B|0|0\n6|pop|B|0|0\npop 2\n");
  free(got);
  assert_int_equal(a.track_rows_rejected, 5);
  outcome o = ingest(&alone, &p);
  static const char *const words[] = {
      "bad.csv:3: row rejected: 6 fields where the header has 7: '2,short,",
      "bad.csv:4: row rejected: column name is not UTF-8: 'lo\\xFFng'",
      "bad.csv:5: row rejected: 8 fields where the header has 7, over 2 lines",
      "bad.csv:7: row rejected: column id is empty",
      "bad.csv:8: row rejected: column name has a NUL byte: 'n\\x00ul'",
      "bad.csv:9: column tempo is taken as null: 'oops' is not a number",
      "artists.csv:7: column genres is taken as null: 'oops' is not a list of genres",
  };
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!strstr(o.log, words[i]))
      fail_msg("'%s' is not in the log:\n%s", words[i], o.log);
  outcome_free(&o);
  p.max_reports = 2;
  o = ingest(&alone, &p);
  assert_non_null(strstr(o.log, "bad.csv: and 3 more rows rejected"));
  assert_null(strstr(o.log, "bad.csv:5:"));
  outcome_free(&o);
}

/* ---- files that cannot be used ---- */

static void unusable_files(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    int n;
    const char *words;
  } files[] = {
      {"", 0, "is empty"},
      {"\xEF\xBB\xBF", 3, "is empty"},
      {"\n\r\n", 3, "is empty"},
      {"\x7F"
       "ELF\0\0\0",
       7, "not a text file: there is a NUL byte at offset 4"},
      {"\xFF\xFEi\0d\0", 6, "iconv -f UTF-16 -t UTF-8"},
      {"\xFE\xFF\0i\0d", 6, "iconv -f UTF-16 -t UTF-8"},
      {"\xFF\xFE\0\0i\0\0\0", 8, "iconv -f UTF-32 -t UTF-8"},
      {"PK\3\4rest", 8, "zip archive"},
      {"PAR1rest", 8, "Parquet file"},
      {"caf\xE9,id\n1,2\n", 12, "header line is not UTF-8"},
      {"id,name\n1,2\n", 12,
       "lacks the columns id_artists, danceability, tempo; its header has: id, name"},
      {"id,name,id_artists,danceability,tempo,id\n", 41, "column id twice, at positions 1 and 6"},
      {"\x1F\x8B\x08\x00garbage that is no deflate", 31, "is damaged"},
      {"\x1F\x8B\x08", 3, "ends in the middle"},
  };
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    write_bytes("unusable.csv", files[i].bytes, files[i].n);
    segue_ingest_params p = params_for("unusable.csv", "artists.csv");
    check_failure(&p, SEGUE_INPUT, files[i].words);
    check_failure(&p, SEGUE_INPUT, "unusable.csv");
  }
  segue_ingest_params p = params_for("nowhere.csv", "artists.csv");
  check_failure(&p, SEGUE_INPUT, "No such file");
  p.tracks_path = folder;
  check_failure(&p, SEGUE_INPUT, "is a directory");
  p = params_for("join.csv", "unusable.csv");
  check_failure(&p, SEGUE_INPUT, "unusable.csv");
  write_text("artists_lack.csv", "id,genre\n1,2\n");
  p = params_for("join.csv", "artists_lack.csv");
  check_failure(&p, SEGUE_INPUT, "artists_lack.csv lacks the columns genres, name");
  p = params_for("join.csv", "artists.csv");
  p.delimiter = '\t';
  check_failure(&p, SEGUE_INPUT, "(read with the delimiter tab; it looks like comma)");
  p.delimiter = '"';
  check_failure(&p, SEGUE_USAGE, "delimiter");
  p = params_for("join.csv", NULL);
  check_failure(&p, SEGUE_USAGE, "group column");
  p.group_column = "nothing";
  check_failure(&p, SEGUE_INPUT, "lacks the column nothing");
  static const char *const text_feature[] = {"name"};
  p = params_for("join.csv", "artists.csv");
  p.features = text_feature;
  p.n_features = 1;
  check_failure(&p, SEGUE_INPUT, "column name is text");
}

static void nothing_to_do(void **state) {
  (void)state;
  segue_accounting a;
  write_text("none.csv", HEADER);
  write_text("no_artists.csv", "id,genres,name");
  segue_ingest_params p = params_for("none.csv", "artists.csv");
  char *text = catalogue_text(&p, brief, &a);
  assert_string_equal(text, "");
  free(text);
  assert_int_equal(a.track_rows, 0);
  assert_int_equal(a.artists, 5);
  p = params_for("join.csv", "no_artists.csv");
  text = catalogue_text(&p, brief, &a);
  assert_string_equal(text, "");
  free(text);
  assert_int_equal(a.tracks_unknown_artist, 6);
}

/* ---- labels and titles ---- */

static void title_groups_are_exact(void **state) {
  (void)state;
  write_text("titles.csv", HEADER "a,Song,['Bob'],['B'],,1,1\n"
                                  "b,song - 2011 Remaster,['Bob'],['B'],,1,1\n"
                                  "c,SONG (Live),['Anna'],['A'],,1,1\n"
                                  "d,Other,['Bob'],['B'],,1,1\n"
                                  "e,Song (Deluxe) [Bonus],['Bob'],['B'],,1,1\n"
                                  "f,song,['Anna'],['A'],,1,1\n");
  segue_ingest_params p = params_for("titles.csv", "artists.csv");
  char *text = catalogue_text(&p, only_id, NULL);
  assert_string_equal(text,
                      "a|pop|B|1|0\nb|pop|B|1|0\nc|jazz,pop,rock|A|0|2\nd|pop|B|1|3\ne|pop|B|1|0\n"
                      "f|jazz,pop,rock|A|0|2\njazz 2\npop 6\nrock 2\n");
  free(text);
}

/* ---- the same rows in other clothes ---- */

/* A table of many tracks, two of a kind now and then; the rows in a seeded order. */
static segue_buffer many_rows(uint64_t seed) {
  enum { N = 300 };
  int order[N];
  segue_buffer b = {0};
  segue_rng r;
  segue_rng_seed(&r, seed, "shuffle", segue_str_of(""));
  for (int i = 0; i < N; i++) {
    int64_t j = seed ? segue_rng_below(&r, i + 1) : i;
    order[i] = order[j];
    order[j] = i;
  }
  assert_int_equal(segue_buffer_printf(&b, NULL, HEADER), SEGUE_OK);
  for (int i = 0; i < N; i++) {
    int k = order[i];
    assert_int_equal(
        segue_buffer_printf(&b, NULL, "track%d,\"Title\n%d\"\"\",['x'],['%c'],%d,0.%d,%d\n",
                            k % 7 == 0 ? k / 2 : k * 7919, k % 50, "ABCDZ"[k % 5], 1900 + k, k, k),
        SEGUE_OK);
  }
  return b;
}

static void shuffled_rows_give_the_same(void **state) {
  (void)state;
  char *expected = NULL;
  for (uint64_t seed = 0; seed < 4; seed++) {
    segue_buffer b = many_rows(seed);
    write_bytes("many.csv", b.data, b.size);
    segue_ingest_params p = params_for("many.csv", "artists.csv");
    p.block_bytes = seed ? 512 << seed : 0;
    char *text = catalogue_text(&p, NULL, NULL);
    if (!expected)
      expected = strdup(text);
    assert_string_equal(text, expected);
    free(text);
    segue_buffer_free(&b);
  }
  assert_true(strlen(expected) > 10000);
  free(expected);
}

/* Gzip in `members` pieces one after another. */
static void write_gzip(const char *name, const segue_buffer *b, int members) {
  int bad = 0;
  if (world.rank == 0)
    for (int m = 0; m < members; m++) {
      int64_t from = b->size * m / members, to = b->size * (m + 1) / members;
      gzFile f = gzopen(path_of(name), m ? "ab" : "wb");
      bad |= !f || gzwrite(f, b->data + from, (unsigned)(to - from)) != (int)(to - from) ||
             gzclose(f) != Z_OK;
    }
  MPI_Bcast(&bad, 1, MPI_INT, 0, MPI_COMM_WORLD);
  assert_false(bad);
}

static void gzip_gives_the_same(void **state) {
  (void)state;
  segue_buffer b = many_rows(0), artists = {0};
  write_bytes("plain.csv", b.data, b.size);
  assert_int_equal(segue_buffer_append(&artists, artists_csv, sizeof artists_csv - 1, NULL),
                   SEGUE_OK);
  write_gzip("artists.csv.gz", &artists, 1);
  segue_ingest_params p = params_for("plain.csv", "artists.csv");
  char *expected = catalogue_text(&p, NULL, NULL);
  for (int members = 1; members <= 4; members += 3) {
    write_gzip("many.csv.gz", &b, members);
    for (int block = 0; block < 3; block++) {
      p = params_for("many.csv.gz", "artists.csv.gz");
      p.block_bytes = (int64_t[]){0, 1, 700}[block];
      char *text = catalogue_text(&p, NULL, NULL);
      assert_string_equal(text, expected);
      free(text);
    }
  }
  free(expected);
  segue_buffer_free(&b);
  segue_buffer_free(&artists);
}

static void torn_gzip_is_told(void **state) {
  (void)state;
  segue_buffer b = many_rows(1), packed = {0};
  write_gzip("torn.csv.gz", &b, 1);
  assert_int_equal(segue_read_file(path_of("torn.csv.gz"), &packed, NULL), SEGUE_OK);
  MPI_Barrier(MPI_COMM_WORLD);
  segue_ingest_params p = params_for("torn.csv.gz", "artists.csv");
  p.block_bytes = 1000;
  write_bytes("torn.csv.gz", packed.data, packed.size / 2);
  check_failure(&p, SEGUE_INPUT, "ends in the middle of its gzip data");
  packed.data[packed.size - 6] ^= 0x55; /* the checksum */
  write_bytes("torn.csv.gz", packed.data, packed.size);
  check_failure(&p, SEGUE_INPUT, "is damaged");
  segue_buffer_free(&b);
  segue_buffer_free(&packed);
}

/* ---- made-up and real data ---- */

static void made_up_data_is_accounted_for(void **state) {
  (void)state;
  segue_status st = {0};
  segue_synth_report r;
  segue_accounting a;
  segue_synth_params s = segue_synth_defaults(path_of("synth"));
  static const char *const nine[] = {"danceability", "energy",       "loudness",
                                     "speechiness",  "acousticness", "instrumentalness",
                                     "liveness",     "valence",      "tempo"};
  s.n_tracks = 3000;
  s.n_malformed = 20;
  s.n_unreadable = 30;
  s.crlf = s.bom = true;
  assert_int_equal(segue_synth(&world, &s, &r, &st), SEGUE_OK);
  segue_ingest_params p = params_for("synth/tracks.csv", "synth/artists.csv");
  p.features = nine;
  p.n_features = 9;
  p.block_bytes = 4096;
  free(catalogue_text(&p, NULL, &a));
  assert_int_equal(a.track_rows, r.track_rows + r.track_rows_malformed);
  assert_int_equal(a.track_rows_rejected, r.track_rows_malformed);
  assert_int_equal(a.track_rows_duplicate, r.track_rows - r.tracks);
  assert_int_equal(a.tracks, r.tracks_with_genre);
  assert_int_equal(a.tracks_unknown_artist, r.tracks_unknown_artist);
  assert_int_equal(a.rows, r.rows);
  assert_int_equal(a.genres, r.genres);
  assert_int_equal(a.artist_rows, r.artist_rows + r.artist_rows_malformed);
  assert_int_equal(a.artist_rows_rejected, r.artist_rows_malformed);
  assert_true(a.null_cells > 0 && a.null_cells <= r.unreadable_cells);
}

/* Counts that were made from the same files by other means. */
static void real_data(void **state) {
  (void)state;
  char tracks[600], artists[600];
  const char *data = getenv("SEGUE_DATA"), *tail = strstr(__FILE__, "tests/test_ingest.c");
  if (data)
    snprintf(tracks, 512, "%s", data);
  else
    snprintf(tracks, 512, "%.*s../shared/data", tail ? (int)(tail - __FILE__) : 0, __FILE__);
  size_t n = strlen(tracks);
  snprintf(artists, sizeof artists, "%.512s/artists.csv", tracks);
  snprintf(tracks + n, sizeof tracks - n, "/tracks.csv");
  if (access(tracks, R_OK) != 0 || access(artists, R_OK) != 0) {
    if (world.rank == 0)
      print_message("skipped: %s is not there; name its folder in SEGUE_DATA\n", tracks);
    skip();
  }
  segue_ingest_params p = params_for("", NULL);
  p.tracks_path = tracks;
  p.artists_path = artists;
  outcome o = ingest(&world, &p);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_string_equal(o.st.message, "");
  check_accounting(o.c);
  assert_int_equal(o.c->accounting.track_rows, 45858);
  assert_int_equal(o.c->accounting.tracks, 33051);
  assert_int_equal(o.c->accounting.genres, 2342);
  assert_int_equal(o.c->accounting.rows, 115472);
  outcome_free(&o);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_join),
      cmocka_unit_test(artist_rules),
      cmocka_unit_test(glue_genres),
      cmocka_unit_test(duplicates_and_ghosts),
      cmocka_unit_test(cells_by_type),
      cmocka_unit_test(other_tables),
      cmocka_unit_test(groups_with_artists),
      cmocka_unit_test(delimiters_and_line_ends),
      cmocka_unit_test(rejected_rows_are_reported),
      cmocka_unit_test(unusable_files),
      cmocka_unit_test(nothing_to_do),
      cmocka_unit_test(title_groups_are_exact),
      cmocka_unit_test(shuffled_rows_give_the_same),
      cmocka_unit_test(gzip_gives_the_same),
      cmocka_unit_test(torn_gzip_is_told),
      cmocka_unit_test(made_up_data_is_accounted_for),
      cmocka_unit_test(real_data),
  };
  RUN_ON_ALL_RANKS(argc, argv, tests);
}
