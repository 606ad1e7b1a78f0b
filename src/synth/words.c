/* What names are made of. Syllables are strung together into words that belong to no language but
 * use its script. */
#include "internal.h"

#define LIST(...)                                                                                  \
  {                                                                                                \
    (const char *const[]){__VA_ARGS__},                                                            \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))                   \
  }

const synth_list synth_nouns =
    LIST("Anchor", "Apple", "Arrow", "Autumn", "Balcony", "Bell", "Bird", "Blossom", "Boat",
         "Bonfire", "Bridge", "Candle", "Canyon", "Castle", "Chain", "Cherry", "City", "Clock",
         "Cloud", "Coast", "Comet", "Copper", "Corner", "Crown", "Dance", "Daughter", "Dawn",
         "Desert", "Diamond", "Door", "Dream", "Dust", "Eagle", "Echo", "Ember", "Engine",
         "Evening", "Feather", "Fever", "Field", "Fire", "Flag", "Flame", "Flower", "Forest",
         "Fortune", "Garden", "Ghost", "Glass", "Gold", "Guitar", "Harbour", "Heart", "Highway",
         "Hill", "Honey", "Horizon", "Horse", "House", "Ice", "Island", "Ivory", "Jewel", "Journey",
         "Key", "King", "Ladder", "Lantern", "Leaf", "Letter", "Light", "Lion", "Lover", "Machine",
         "Mask", "Meadow", "Midnight", "Mirror", "Moon", "Morning", "Mother", "Mountain", "Night",
         "Ocean", "Orchard", "Paper", "Parade", "Pearl", "Pilot", "Planet", "Prayer", "Promise",
         "Queen", "Rain", "Ribbon", "Ring", "River", "Road", "Rose", "Sailor", "Salt", "Season",
         "Secret", "Shadow", "Shore", "Silver", "Sister", "Sky", "Smoke", "Snow", "Soldier", "Song",
         "Spark", "Spring", "Star", "Stone", "Storm", "Street", "Summer", "Sun", "Table", "Temple",
         "Thunder", "Tide", "Tiger", "Tower", "Train", "Tree", "Valley", "Velvet", "Voice", "Wagon",
         "Water", "Wave", "Willow", "Wind", "Window", "Winter", "Wolf", "Wonder");

const synth_list synth_adjectives =
    LIST("Amber", "Ancient", "Blue", "Bright", "Broken", "Brown", "Burning", "Careless", "Cold",
         "Crooked", "Dark", "Deep", "Distant", "Electric", "Empty", "Endless", "Faded", "Fearless",
         "First", "Foreign", "Forgotten", "Free", "Gentle", "Golden", "Green", "Hidden", "Hollow",
         "Holy", "Hungry", "Idle", "Last", "Little", "Lonely", "Long", "Lost", "Lucky", "Magic",
         "Mellow", "New", "Old", "Open", "Pale", "Perfect", "Quiet", "Rainy", "Red", "Restless",
         "Rolling", "Sacred", "Scarlet", "Second", "Silent", "Simple", "Sleepless", "Slow", "Small",
         "Soft", "Strange", "Sweet", "Tender", "Thousand", "Tired", "True", "Violet", "Wandering",
         "Warm", "White", "Wild", "Wooden", "Young");

const synth_list synth_given =
    LIST("Ada", "Agnes", "Alba", "Amos", "Anton", "Astrid", "Bea", "Bruno", "Carla", "Cleo",
         "Conrad", "Dario", "Delia", "Edgar", "Elsa", "Emil", "Enzo", "Fay", "Felix", "Flora",
         "Greta", "Hugo", "Ida", "Igor", "Ines", "Ivo", "Jonas", "Julia", "Kira", "Lars", "Lena",
         "Leo", "Lina", "Luca", "Magnus", "Mara", "Milo", "Mina", "Nadia", "Nils", "Nora", "Olga",
         "Oscar", "Petra", "Rhea", "Rosa", "Rufus", "Selma", "Silas", "Stella", "Tessa", "Theo",
         "Tomas", "Ursula", "Vera", "Viktor", "Willa", "Xenia", "Yara", "Zeno");

const synth_list synth_modifiers = LIST(
    "classic", "deep", "modern", "vintage", "indie", "acoustic", "progressive", "soft", "hard",
    "alternative", "early", "late night", "southern", "northern", "coastal", "desert", "garage",
    "ambient", "symphonic", "dream", "minimal", "dark", "melodic", "psychedelic", "instrumental",
    "vocal", "bedroom", "golden age", "neo", "underground", "christian", "gothic", "tropical",
    "space", "heavy", "chill", "experimental", "orchestral", "traditional", "new wave of");

const synth_list synth_variants[SYNTH_FAMILIES] = {
    LIST("rock", "metal", "punk", "grunge", "hardcore"),
    LIST("pop", "dance pop", "teen pop", "power pop", "pop ballad"),
    LIST("hip hop", "rap", "trap", "drill"),
    LIST("latin", "salsa", "cumbia", "bolero", "tango"),
    LIST("electronic", "house", "techno", "trance", "electro"),
    LIST("country", "bluegrass", "honky tonk", "americana"),
    LIST("folk", "singer-songwriter", "ballads", "folk revival"),
    LIST("jazz", "swing", "bop", "big band", "jazz trio"),
    LIST("classical", "opera", "baroque", "chamber", "choral"),
    LIST("soul", "funk", "motown", "gospel"),
    LIST("r&b", "quiet storm", "new jack", "doo-wop"),
    LIST("world", "afro", "lullaby", "soundtrack", "comedy", "spoken word")};

const synth_list synth_syllables[SYNTH_SCRIPTS] = {
    LIST("ba", "bel", "bo", "ca", "cor", "da", "del", "dor", "el", "en", "fa", "fin", "ga", "gor",
         "ha", "hol", "in", "ka", "kel", "la", "len", "lo", "ma", "mer", "mo", "na", "nor", "o",
         "pa", "per", "ra", "rin", "ro", "sa", "sel", "ta", "ten", "tor", "va", "ver", "vi", "wen",
         "ya", "zan"),
    LIST("ál", "bé", "ção", "dé", "él", "fö", "gü", "hå", "ín", "jó", "ké", "ló", "mä", "né", "ñá",
         "ø", "pé", "ré", "só", "šé", "tí", "ú", "vå", "wę", "ý", "žo", "la", "ri", "no", "ta",
         "be", "ma"),
    LIST("ба", "ве", "го", "да", "жи", "за", "ки", "ло", "ма", "не", "по", "ра", "си", "та", "у",
         "фе", "хо", "ча", "ша", "юр", "яр", "ный", "ёл"),
    LIST("αλ", "βε", "γα", "δη", "ερ", "θε", "κα", "λο", "μα", "νι", "ξε", "πα", "ρο", "σα", "τη",
         "φι", "χω", "ψα", "ώ", "ός"),
    LIST("אב", "בי", "גל", "דו", "הר", "ול", "זה", "חן", "טל", "יו", "לי", "מה", "נר", "סו", "עד",
         "פל", "צו", "קר", "רו", "שי", "תם"),
    LIST("با", "تي", "جم", "حب", "خل", "دا", "ري", "زا", "سل", "شم", "صو", "طر", "عين", "غر", "فا",
         "قل", "كا", "لي", "مر", "نو", "هو", "وا", "يا"),
    LIST("กา", "ขอ", "คำ", "งาม", "จัน", "ชา", "ดาว", "ตา", "ทะ", "นา", "บัว", "ปี", "ฝน", "พา", "มี",
         "ยา", "รัก", "ลม", "วัน", "สี"),
    LIST("का", "गी", "चा", "जो", "ता", "दि", "ना", "पी", "बा", "मे", "या", "रा", "ली", "वा", "सी",
         "हा"),
    LIST("山", "川", "月", "花", "海", "風", "雨", "雪", "夜", "光", "心", "愛", "夢", "星", "空",
         "水", "火", "春", "夏", "秋", "冬", "天", "人", "歌"),
    LIST("あ", "か", "き", "さ", "し", "た", "な", "の", "は", "ま", "み", "ゆ", "ら", "り", "ア",
         "カ", "シ", "タ", "ト", "ノ", "ミ", "ラ", "ル", "ン", "ー"),
    LIST("가", "나", "다", "라", "마", "바", "사", "아", "자", "하", "별", "봄", "꽃", "달", "눈",
         "밤", "길", "꿈", "비", "숲")};
